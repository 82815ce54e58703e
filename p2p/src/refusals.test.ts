import { describe, expect, it } from 'vitest'
import { isOffence, verdictOf } from './refusals.ts'

describe('refusals', () => {
  it('rejects what only a liar sends', () => {
    for (const refusal of [
      'size',
      'structure',
      'foreign-client',
      'deletes',
      'root',
      'content',
      'position',
      'record',
      'signature'
    ] as const) {
      expect(verdictOf({ applied: false, refusal })).toBe('reject')
      expect(isOffence(refusal)).toBe(true)
    }
  })

  it('ignores what an honest peer may send too, such as the other branch of a feed that its author forked', () => {
    for (const refusal of ['stale', 'gap', 'quota', 'banned', 'chain', 'equivocation'] as const) {
      expect(verdictOf({ applied: false, refusal })).toBe('ignore')
      expect(isOffence(refusal)).toBe(false)
    }
  })

  it('forwards what was new', () => {
    expect(verdictOf({ applied: true, records: 1 })).toBe('accept')
  })
})
