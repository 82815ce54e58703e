import { jobStates, REASONS } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { iconNames, jobStatus, STATUS, unitStatus } from './status.ts'

describe('status words', () => {
  it('exist for every state of a job', () => {
    for (const state of jobStates) expect(STATUS[jobStatus(state)].word).not.toBe('')
  })

  it('never share a word, and always have an icon and a meaning', () => {
    const entries = Object.values(STATUS)
    expect(new Set(entries.map((entry) => entry.word)).size).toBe(entries.length)
    for (const entry of entries) {
      expect(iconNames).toContain(entry.icon)
      expect(entry.meaning).toMatch(/^[A-Z].*\.$/)
    }
  })

  it('tell a settled unit from every other reason about units', () => {
    const codes = (Object.keys(REASONS) as (keyof typeof REASONS)[]).filter((code) => REASONS[code].about === 'unit')
    expect(codes.filter((code) => unitStatus(code) === 'validated')).toEqual(['settled'])
    expect(codes.filter((code) => unitStatus(code) === 'errored')).toEqual(['inconclusive', 'too_many_failures'])
  })
})
