import { describe, expect, it } from 'vitest'
import { createFakeClock } from '../testing/fake-clock.ts'
import { sleep } from './sleep.ts'

describe('sleep', () => {
  it('ends when its time has come, in the order of the times', async () => {
    const clock = createFakeClock()
    const woken: string[] = []
    const both = Promise.all([sleep(clock, 60).then(() => woken.push('late')), sleep(clock, 20).then(() => woken.push('early'))])
    clock.advance(19)
    expect(clock.pending()).toEqual([1, 41])
    clock.advance(41)
    await both
    expect(woken).toEqual(['early', 'late'])
  })

  it('rejects with the reason of the abort and leaves no timer, also when the abort came first', async () => {
    const clock = createFakeClock()
    const over = new AbortController()
    const sleeping = sleep(clock, 60, over.signal)
    over.abort(new Error('enough'))
    await expect(sleeping).rejects.toThrow('enough')
    await expect(sleep(clock, 60, over.signal)).rejects.toThrow('enough')
    await expect(sleep(clock, 60, AbortSignal.abort('a word'))).rejects.toThrow(DOMException)
    expect(clock.pending()).toEqual([])
  })
})
