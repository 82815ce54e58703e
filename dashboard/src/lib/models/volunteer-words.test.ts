import { REASONS, type ReasonCode } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { NOBODY, volunteerPhases, type ExecutorView } from './volunteer.ts'
import { devicesSentence, plainReason, volunteerLede } from './volunteer-words.ts'

const JARGON = /\b(units?|quorum|replicas?|leases?|kernels?|nodes?|hash(es)?|hosts?|WebGPU|adapter)\b/i

describe('what a volunteer reads', () => {
  it('has no jargon, in any phase', () => {
    for (const phase of volunteerPhases) {
      const { sentence, note } = volunteerLede({ ...NOBODY, phase, unitsDone: 3 }, 7, false)
      expect(sentence).not.toMatch(JARGON)
      expect(note).not.toMatch(JARGON)
    }
  })

  it('has no jargon for any reason that a computer can rest', () => {
    const codes = (Object.keys(REASONS) as ReasonCode[]).filter((code) => REASONS[code].about === 'host' && code !== 'insecure_origin')
    for (const code of codes) expect(`${plainReason(code).sentence} ${plainReason(code).remedy}`).not.toMatch(JARGON)
  })

  it('says tile once there is exactly one', () => {
    expect(volunteerLede({ ...NOBODY, phase: 'stopped', unitsDone: 1 }, null, false).sentence).toBe('Stopped after 1\u00a0tile.')
  })

  it('says when another tab does the work', () => {
    expect(volunteerLede({ ...NOBODY, phase: 'computing' }, 4, true).sentence).toBe('Your other tab is computing. This one shows the same.')
  })
})

describe('the devices at work', () => {
  const executor = (kind: ExecutorView['kind'], busyUnits: number): ExecutorView => ({
    kind,
    software: false,
    numericClass: 'js-fdlibm',
    busyUnits,
    unitsDone: 0
  })

  it('are named in words', () => {
    expect(devicesSentence([executor('webgpu', 1), executor('js', 2)])).toBe('Graphics card and processor are at work.')
    expect(devicesSentence([executor('webgpu', 1), executor('js', 0)])).toBe('Graphics card is at work.')
    expect(devicesSentence([])).toBe('It waits for its next tile.')
  })
})
