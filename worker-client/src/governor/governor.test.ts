import type { Clock } from '@peercompute/p2p/time'
import { describe, expect, it } from 'vitest'
import type { Governance } from './governance.ts'
import { LOOK_EVERY_MS, startGovernor } from './governor.ts'
import { DEFAULT_PREFERENCES, type Preferences } from './preferences.ts'
import { NEVER, withSpan } from './schedule.ts'
import type { Sensed } from './signals.ts'

/** Monday noon, by the clock on the wall. */
const NOON = new Date(2027, 0, 4, 12, 0, 0).getTime()
const MINUTE = 60_000

function rig(startPreferences: Partial<Preferences> = {}, stored: string | null = null) {
  let now = NOON
  let due: { at: number; task: () => void } | null = null
  const clock: Clock = {
    now: () => now,
    schedule(delayMs, task) {
      const mine = { at: now + delayMs, task }
      due = mine
      return () => {
        if (due === mine) due = null
      }
    }
  }
  let sensed: Sensed = { threads: 8, lastInputAt: NOON }
  let changed: () => void = () => undefined
  const kernel = { computing: true, bytes: 0, told: [] as Governance[], govern: (next: Governance) => void kernel.told.push(next) }
  const store = { text: stored, read: () => store.text, write: (text: string) => void (store.text = text) }
  let preferences: Preferences = { ...DEFAULT_PREFERENCES, ...startPreferences }
  const governor = startGovernor({
    kernel,
    clock,
    usage: store,
    preferences: () => preferences,
    source: {
      now: () => sensed,
      follow: (listener) => {
        changed = listener
        return () => {
          changed = () => undefined
        }
      }
    }
  })
  return {
    kernel,
    store,
    governor,
    reasons: () => kernel.told.at(-1)?.suspended ?? [],
    sense: (next: Sensed) => {
      sensed = { ...sensed, ...next }
      changed()
    },
    prefer: (next: Partial<Preferences>) => {
      preferences = { ...preferences, ...next }
      governor.reconsider()
    },
    /** Lets so much time pass, with every look on the way. */
    pass: (ms: number) => {
      for (const end = now + ms; due !== null && due.at <= end;) {
        const { at, task } = due
        now = at
        due = null
        task()
      }
      return due !== null
    }
  }
}

describe('the governor', () => {
  it('has decided when it returns, and speaks again only when something is different', () => {
    const { kernel, pass } = rig()
    expect(kernel.told).toEqual([{ suspended: [], gpuSuspended: null, lending: { gpuShare: 0.5, sliceMs: 5, cpuSlots: 4 } }])
    pass(MINUTE)
    expect(kernel.told).toHaveLength(1)
  })

  it('follows a signal at once', () => {
    const { reasons, sense } = rig({ hiddenTab: 'rest' })
    sense({ hidden: true })
    expect(reasons()).toEqual(['tab_hidden_policy'])
    sense({ hidden: false })
    expect(reasons()).toEqual([])
  })

  it('follows a change of the preferences at once', () => {
    const { kernel, prefer } = rig()
    prefer({ gpuShare: 0.2, cores: 1 })
    expect(kernel.told.at(-1)?.lending).toMatchObject({ gpuShare: 0.2, cpuSlots: 1 })
    prefer({ gpuPaused: true })
    expect(kernel.told.at(-1)?.gpuSuspended).toBe('gpu_paused')
  })

  it('keeps the hours of the week to a few seconds', () => {
    const { reasons, pass } = rig({ schedule: withSpan(NEVER, 0, 24, 25, true) })
    pass(30 * MINUTE - LOOK_EVERY_MS)
    expect(reasons()).toEqual([])
    pass(LOOK_EVERY_MS)
    expect(reasons()).toEqual(['outside_schedule'])
  })

  it('begins when the device has been left alone, and steps back at the first touch', () => {
    const { reasons, pass, sense } = rig({ onlyWhenIdleMinutes: 5 })
    expect(reasons()).toEqual(['device_in_use'])
    pass(5 * MINUTE)
    expect(reasons()).toEqual([])
    sense({ lastInputAt: NOON + 5 * MINUTE })
    expect(reasons()).toEqual(['device_in_use'])
  })

  it('counts the time that was computed, and no other, until midnight', () => {
    const { kernel, reasons, pass } = rig({ dailySeconds: 120 })
    kernel.computing = false
    pass(10 * MINUTE)
    kernel.computing = true
    pass(2 * MINUTE - LOOK_EVERY_MS)
    expect(reasons()).toEqual([])
    pass(LOOK_EVERY_MS)
    expect(reasons()).toEqual(['quota_exceeded'])
    kernel.computing = false
    pass(11 * 60 * MINUTE)
    expect(reasons()).toEqual(['quota_exceeded'])
    pass(60 * MINUTE)
    expect(reasons()).toEqual([])
  })

  it('counts bytes, and remembers the day over a restart', () => {
    const first = rig({ dailyBytes: 5_000_000 })
    first.kernel.bytes = 4_000_000
    first.governor.stop()
    first.pass(MINUTE)
    const second = rig({ dailyBytes: 5_000_000 }, first.store.text)
    expect(second.reasons()).toEqual([])
    second.kernel.bytes = 2_000_000
    second.pass(LOOK_EVERY_MS)
    expect(second.reasons()).toEqual(['quota_exceeded'])
    expect(rig({ dailySeconds: 60 }, '{"day":3').reasons()).toEqual([])
  })

  it('is silent after its end', () => {
    const { kernel, governor, sense, pass } = rig({ hiddenTab: 'rest' })
    governor.stop()
    sense({ hidden: true })
    expect(pass(MINUTE)).toBe(false)
    expect(kernel.told).toHaveLength(1)
  })
})
