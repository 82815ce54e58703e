import { DEFAULT_PREFERENCES, NEVER, presetOf, withSpan, type Preferences } from '@peercompute/worker-client/preferences'
import { describe, expect, it } from 'vitest'
import { coresMeaning, gpuMeaning, howMuch, lentNow, lessThanAllowed, scheduleSentence } from './lending-words.ts'
import { NOBODY } from './volunteer.ts'

describe('what is lent, in words', () => {
  it('says what a share means', () => {
    expect([0, 0.15, 0.5, 1].map(gpuMeaning)).toEqual([
      'Not used',
      'Up to 15\u00a0%: works 15\u00a0% of the time',
      'Up to 50\u00a0%: works half of the time, rests the other half',
      'All of it: games and video will stutter'
    ])
    expect(coresMeaning(4, 8)).toBe('4 of 8 threads')
    expect(coresMeaning(1, 1)).toBe('1 of 1 thread')
    expect(coresMeaning(8, 8)).toBe('8 of 8 threads: other programs will be slower')
  })

  it('says what one agrees to before anything runs', () => {
    expect(howMuch(DEFAULT_PREFERENCES, 8)).toBe(
      'Your graphics card in short bursts, up to 50\u00a0% of the time, and 4 of 8 processor threads.'
    )
    expect(howMuch({ ...DEFAULT_PREFERENCES, gpuPaused: true }, 2)).toBe('No graphics card, and 1 of 2 processor threads.')
  })

  it('says when', () => {
    expect(scheduleSentence(null)).toBe('At all hours.')
    expect(scheduleSentence(NEVER)).toBe('At no hour: it will always rest.')
    expect(scheduleSentence(withSpan(NEVER, 0, 38, 48, true))).toBe('Only mon 19:00-24:00.')
  })
})

describe('what is lent now', () => {
  it('is told of each part, and is nothing while it rests', () => {
    const lending = { gpuShare: 0.25, cpuSlots: 1 }
    expect(lentNow({ ...NOBODY, lending }, 'webgpu')).toBe('25\u00a0% of the time')
    expect(lentNow({ ...NOBODY, lending: { gpuShare: 1, cpuSlots: 3 } }, 'webgpu')).toBe('all of it')
    expect(lentNow({ ...NOBODY, lending }, 'js')).toBe('up to 1 thread')
    expect(lentNow({ ...NOBODY, lending, gpuSuspended: 'gpu_paused' }, 'webgpu')).toBe('nothing')
    expect(lentNow({ ...NOBODY, lending, gpuSuspended: 'gpu_paused' }, 'wasm')).toBe('up to 1 thread')
    expect(lentNow({ ...NOBODY, lending, suspended: ['user_paused'] }, 'js')).toBe('nothing')
    expect(lentNow(NOBODY, 'js')).toBe('nothing')
  })
})

describe('stepping back', () => {
  const gpu = { kind: 'webgpu', software: false, numericClass: 'x', busyUnits: 1, unitsDone: 0 } as const
  const said = (lending: { gpuShare: number; cpuSlots: number }, preferences: Preferences = DEFAULT_PREFERENCES) =>
    lessThanAllowed({ ...NOBODY, phase: 'computing', executors: [gpu], lending }, preferences, 8)

  it('is told with its cause, and nothing is told while all is lent that may be', () => {
    expect(said({ gpuShare: 0.5, cpuSlots: 4 })).toBeNull()
    expect(said({ gpuShare: 0.25, cpuSlots: 4 })).toMatch(/^The picture on your screen stuttered.*25/)
    expect(said({ gpuShare: 0.5, cpuSlots: 2 })).toMatch(/^Other programs need the processor.*2 of 8/)
    expect(said({ gpuShare: 0.25, cpuSlots: 2 })).toMatch(/^It has stepped back.*25.*2 of 8/)
    expect(said({ gpuShare: 1, cpuSlots: 8 }, { ...DEFAULT_PREFERENCES, ...presetOf('all', 8) })).toBeNull()
  })

  it('is not told while everything rests, nor of a card that is not there', () => {
    expect(lessThanAllowed({ ...NOBODY, lending: null }, DEFAULT_PREFERENCES, 8)).toBeNull()
    const resting = { ...NOBODY, executors: [gpu], suspended: ['on_battery' as const], lending: { gpuShare: 0.1, cpuSlots: 1 } }
    expect(lessThanAllowed(resting, DEFAULT_PREFERENCES, 8)).toBeNull()
    expect(lessThanAllowed({ ...NOBODY, lending: { gpuShare: 0.1, cpuSlots: 4 } }, DEFAULT_PREFERENCES, 8)).toBeNull()
  })
})
