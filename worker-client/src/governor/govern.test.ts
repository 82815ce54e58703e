import { REASONS, type ReasonCode } from '@peercompute/job-specs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FRESH_MEMORY, govern, type GovernorMemory } from './govern.ts'
import {
  DEFAULT_PREFERENCES,
  preferencesSchema,
  presetLike,
  presetOf,
  presets,
  storedPreferences,
  type Preferences
} from './preferences.ts'
import { NEVER } from './schedule.ts'
import { pressureLevels, SILENT, type PressureLevel, type Signals } from './signals.ts'

const NOW = 1_800_000_000_000
const MINUTE = 60_000
/** In use, in view, plugged in, at peace. */
const CALM: Signals = {
  ...SILENT,
  battery: { charging: true, level: 0.9 },
  pressure: 'nominal',
  thermal: 'nominal',
  frameGapMs: 16.7,
  lastInputAt: NOW,
  threads: 8
}
const RESTED: GovernorMemory = { ...FRESH_MEMORY, pressure: { ...FRESH_MEMORY.pressure, limit: 1, changedAt: NOW - MINUTE } }

interface Cause {
  readonly reason: ReasonCode
  readonly signals: Partial<Signals>
  readonly preferences: Partial<Preferences>
  readonly memory?: GovernorMemory
}
/** What suspends, the weightiest first. The two of the battery are one cause: they are told apart below. */
const CAUSES: readonly Cause[] = [
  { reason: 'on_battery', signals: { battery: { charging: false, level: 0.9 } }, preferences: {} },
  { reason: 'thermal_pressure', signals: { thermal: 'critical' }, preferences: {} },
  { reason: 'outside_schedule', signals: {}, preferences: { schedule: NEVER } },
  { reason: 'quota_exceeded', signals: { secondsToday: 3_600 }, preferences: { dailySeconds: 3_600 } },
  { reason: 'data_saver', signals: { dataSaver: true }, preferences: {} },
  { reason: 'device_in_use', signals: {}, preferences: { onlyWhenIdleMinutes: 10 } },
  { reason: 'tab_hidden_policy', signals: { hidden: true }, preferences: { hiddenTab: 'rest' } },
  { reason: 'tab_frozen', signals: { frozen: true }, preferences: {} },
  { reason: 'cpu_pressure', signals: { pressure: 'critical' }, preferences: {}, memory: RESTED }
]

function judged(causes: readonly Cause[], more: { readonly preferences?: Partial<Preferences>; readonly signals?: Partial<Signals> } = {}) {
  const preferences = causes.reduce((all: Preferences, cause) => ({ ...all, ...cause.preferences }), DEFAULT_PREFERENCES)
  const signals = causes.reduce((all: Signals, cause) => ({ ...all, ...cause.signals }), CALM)
  const { memory } = causes.find((cause) => cause.memory !== undefined) ?? {}
  return govern({ ...preferences, ...more.preferences }, { ...signals, ...more.signals }, NOW, memory).governance
}

describe('what suspends', () => {
  it('is nothing on a device at peace', () => {
    expect(judged([])).toEqual({ suspended: [], gpuSuspended: null, lending: { gpuShare: 0.5, sliceMs: 5, cpuSlots: 4 } })
  })

  it('is nothing where a platform tells nothing', () => {
    expect(govern(DEFAULT_PREFERENCES, SILENT, NOW).governance.suspended).toEqual([])
  })

  it.each(CAUSES)('$reason, alone', (cause) => {
    expect(judged([cause]).suspended).toEqual([cause.reason])
    expect(REASONS[cause.reason].sentence).toMatch(/\.$/)
    expect(REASONS[cause.reason].remedy).toMatch(/\.$/)
  })

  it('is every pair of causes, the weightier first', () => {
    CAUSES.forEach((first, index) => {
      for (const second of CAUSES.slice(index + 1)) {
        const expected = [first.reason, second.reason]
        expect(judged([first, second]).suspended, expected.join()).toEqual(expected)
        expect(judged([second, first]).suspended, expected.join()).toEqual(expected)
      }
    })
  })

  it('is all of them together', () => {
    expect(judged(CAUSES).suspended).toEqual(CAUSES.map(({ reason }) => reason))
  })

  it('is not what the owner allows', () => {
    const allowed: readonly (readonly [ReasonCode, Partial<Preferences>])[] = [
      ['on_battery', { onBattery: 'go_on' }],
      ['data_saver', { restOnDataSaver: false }],
      ['tab_hidden_policy', { hiddenTab: 'go_on' }],
      ['cpu_pressure', { yields: false }]
    ]
    for (const [reason, preferences] of allowed)
      expect(
        judged(
          CAUSES.filter((cause) => cause.reason === reason),
          { preferences }
        ).suspended
      ).toEqual([])
  })

  it('is a low battery whatever is allowed on battery, and it recovers by a margin or with the plug', () => {
    const preferences = { ...DEFAULT_PREFERENCES, onBattery: 'go_on' as const }
    const at = (level: number, memory: GovernorMemory, charging = false) =>
      govern(preferences, { ...CALM, battery: { charging, level } }, NOW, memory)
    expect(at(0.21, FRESH_MEMORY).governance.suspended).toEqual([])
    const low = at(0.2, FRESH_MEMORY)
    expect(low.governance.suspended).toEqual(['battery_low'])
    expect(at(0.21, low.memory).governance.suspended).toEqual(['battery_low'])
    expect(at(0.26, low.memory).governance.suspended).toEqual([])
    expect(at(0.2, low.memory, true).governance.suspended).toEqual([])
    expect(judged([], { signals: { battery: { charging: false, level: 0.1 } } }).suspended).toEqual(['battery_low', 'on_battery'])
  })

  it('is a device in use until it has been left alone for as long as was asked', () => {
    const preferences = { onlyWhenIdleMinutes: 10 }
    const at = (lastInputAt: number | null) => judged([], { preferences, signals: { lastInputAt } }).suspended
    expect(at(NOW - 10 * MINUTE + 1)).toEqual(['device_in_use'])
    expect(at(NOW - 10 * MINUTE)).toEqual([])
    expect(at(null)).toEqual(['device_in_use'])
  })

  it('is either budget of the day', () => {
    expect(judged([], { preferences: { dailyBytes: 1_000_000 }, signals: { bytesToday: 999_999 } }).suspended).toEqual([])
    expect(judged([], { preferences: { dailyBytes: 1_000_000 }, signals: { bytesToday: 1_000_000 } }).suspended).toEqual(['quota_exceeded'])
    expect(judged([], { preferences: { dailySeconds: 60 }, signals: { secondsToday: 59.9 } }).suspended).toEqual([])
  })
})

describe('the graphics card', () => {
  it('rests alone when its owner says so', () => {
    expect(judged([], { preferences: { gpuPaused: true } })).toMatchObject({ suspended: [], gpuSuspended: 'gpu_paused' })
    expect(judged([], { preferences: { gpuShare: 0 } })).toMatchObject({ suspended: [], gpuSuspended: 'gpu_paused' })
  })

  it('rests alone on battery when only that is asked for', () => {
    const preferences = { onBattery: 'gpu_off' as const }
    const signals = { battery: { charging: false, level: 0.8 } }
    expect(judged([], { preferences, signals })).toMatchObject({ suspended: [], gpuSuspended: 'on_battery' })
    expect(judged([], { preferences })).toMatchObject({ gpuSuspended: null })
  })

  it('computes in slices that suit who looks', () => {
    const slice = (preferences: Partial<Preferences>, signals: Partial<Signals>) => judged([], { preferences, signals }).lending.sliceMs
    expect(slice({}, {})).toBe(5)
    expect(slice({}, { frameGapMs: 60 })).toBe(4)
    expect(slice({}, { hidden: true, lastInputAt: NOW - MINUTE, frameGapMs: null })).toBe(10)
    expect(slice({}, { hidden: true, lastInputAt: NOW - 1, frameGapMs: null })).toBe(5)
    expect(slice({ gpuShare: 1, yields: false }, {})).toBe(20)
    expect(slice({ gpuShare: 0.5, yields: false }, {})).toBe(10)
  })

  it('gets half when the device is hot', () => {
    expect(judged([], { signals: { thermal: 'serious' } }).lending).toMatchObject({ gpuShare: 0.25, cpuSlots: 2 })
  })
})

/** Plays a device whose answers depend on what is lent, a look every second. */
function play(
  seconds: number,
  preferences: Preferences,
  world: (second: number, governance: ReturnType<typeof judged>) => Partial<Signals>
): ReturnType<typeof judged>[] {
  const first = govern(preferences, CALM, NOW)
  let { memory } = first
  const seen = [first.governance]
  for (let second = 1; second <= seconds; second++) {
    const now = NOW + second * 1_000
    const before = seen.at(-1) ?? judged([])
    const governed = govern(preferences, { ...CALM, lastInputAt: now, ...world(second, before) }, now, memory)
    memory = governed.memory
    seen.push(governed.governance)
  }
  return seen
}
const changes = (seen: readonly ReturnType<typeof judged>[], of: (one: ReturnType<typeof judged>) => unknown): number =>
  seen.filter((one, index) => index > 0 && of(one) !== of(seen[index - 1] ?? one)).length
/** Levels of the Compute Pressure API, for a load from 0 to 1. */
const levelOf = (load: number): PressureLevel => (load < 0.3 ? 'nominal' : load < 0.6 ? 'fair' : load < 0.9 ? 'serious' : 'critical')

describe('other programs', () => {
  const load =
    (others: number, threads = 8) =>
    (_: number, { suspended, lending }: ReturnType<typeof judged>) => ({
      threads,
      pressure: levelOf(others + (suspended.length > 0 ? 0 : lending.cpuSlots / threads))
    })

  it('get room when they need it, and it stays so while they do', () => {
    const seen = play(600, DEFAULT_PREFERENCES, load(0.5))
    expect(seen.at(-1)?.lending.cpuSlots).toBe(2)
    expect(changes(seen, ({ lending }) => lending.cpuSlots)).toBe(1)
  })

  it('get all of it when one program beside them is too many', () => {
    const seen = play(600, DEFAULT_PREFERENCES, load(0.95))
    expect(seen.at(-1)?.suspended).toEqual(['cpu_pressure'])
    expect(changes(seen, ({ suspended }) => suspended[0])).toBe(1)
  })

  it('are not seen in our own load, on any number of threads', () => {
    for (const threads of [1, 2, 4, 8, 32])
      for (const cores of [1, Math.ceil(threads / 2), threads]) {
        const seen = play(300, { ...DEFAULT_PREFERENCES, cores }, load(0, threads))
        expect(changes(seen.slice(1), ({ lending, suspended }) => `${lending.cpuSlots} ${suspended.join()}`)).toBe(0)
      }
  })

  it('never end it on two threads, where nobody can tell whether one is too many', () => {
    const seen = play(300, DEFAULT_PREFERENCES, load(1, 2))
    expect(seen.flatMap(({ suspended }) => suspended)).toEqual([])
  })

  it('give the room back when they are done', () => {
    const seen = play(120, DEFAULT_PREFERENCES, (second, governance) => load(second < 20 ? 0.97 : 0)(second, governance))
    expect(seen[19]?.suspended).toEqual(['cpu_pressure'])
    expect(seen.at(-1)).toMatchObject({ suspended: [], lending: { cpuSlots: 4 } })
  })

  it('of any steady load never make it come and go', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(2, 4, 6, 8, 16),
        fc.integer({ min: 1, max: 16 }),
        (others, threads, cores) => {
          const seen = play(900, { ...DEFAULT_PREFERENCES, cores: Math.min(cores, threads) }, load(others, threads))
          const settled = seen.slice(180)
          expect(changes(settled, ({ lending, suspended }) => `${lending.cpuSlots} ${suspended.join()}`)).toBe(0)
        }
      ),
      { numRuns: 60 }
    )
  })
})

describe('a stuttering picture', () => {
  it('takes the share back at once, by halves, and no further than a quarter', () => {
    const seen = play(30, DEFAULT_PREFERENCES, () => ({ frameGapMs: 80 }))
    expect(seen[1]?.lending).toMatchObject({ gpuShare: 0.25, sliceMs: 4 })
    expect(seen.at(-1)?.lending.gpuShare).toBe(0.5 / 4)
  })

  it('that our own share causes is tried again ever more rarely', () => {
    const seen = play(3_600, DEFAULT_PREFERENCES, (_, { lending }) => ({ frameGapMs: lending.gpuShare > 0.25 ? 60 : 16.7 }))
    const first = changes(seen.slice(0, 600), ({ lending }) => lending.gpuShare)
    const last = changes(seen.slice(3_000), ({ lending }) => lending.gpuShare)
    expect(first).toBeGreaterThan(2)
    expect(last).toBeLessThanOrEqual(4)
  })

  it('on a slow screen is not taken for ours', () => {
    const slow = govern(DEFAULT_PREFERENCES, { ...CALM, frameGapMs: 33.4 }, NOW)
    expect(slow.governance.lending.gpuShare).toBe(0.5)
    const after = govern(DEFAULT_PREFERENCES, { ...CALM, frameGapMs: 36 }, NOW + 5_000, slow.memory)
    expect(after.governance.lending.gpuShare).toBe(0.5)
  })

  it('is not looked for where the owner has lent everything, nor while the page is hidden', () => {
    const all = { ...DEFAULT_PREFERENCES, ...presetOf('all', 8) }
    expect(play(30, all, () => ({ frameGapMs: 80 })).at(-1)?.lending).toEqual({ gpuShare: 1, sliceMs: 20, cpuSlots: 8 })
    const seen = play(30, DEFAULT_PREFERENCES, (second) => ({ frameGapMs: 80, hidden: second > 10 }))
    expect(seen[10]?.lending.gpuShare).toBeLessThan(0.2)
    expect(seen.at(-1)?.lending.gpuShare).toBe(0.5)
  })

  it('is forgotten when it is smooth again', () => {
    const seen = play(200, DEFAULT_PREFERENCES, (second) => ({ frameGapMs: second < 5 ? 60 : 16.7 }))
    expect(seen[6]?.lending.gpuShare).toBe(0.125)
    expect(seen.at(-1)?.lending).toMatchObject({ gpuShare: 0.5, sliceMs: 5 })
  })
})

describe('heat', () => {
  it('rests until a minute has been cool, however often it looks away from critical', () => {
    const seen = play(240, DEFAULT_PREFERENCES, (second) => ({ thermal: second > 60 ? 'fair' : second % 7 === 0 ? 'critical' : 'serious' }))
    expect(seen[7]?.suspended).toEqual(['thermal_pressure'])
    expect(seen[119]?.suspended).toEqual(['thermal_pressure'])
    expect(seen.at(-1)?.suspended).toEqual([])
    expect(changes(seen, ({ suspended }) => suspended[0])).toBe(2)
  })
})

it('every governance is within its bounds, and every reason is about a host', () => {
  const battery = fc.option(fc.record({ charging: fc.boolean(), level: fc.double({ min: 0, max: 1, noNaN: true }) }))
  const level = fc.option(fc.constantFrom(...pressureLevels))
  const signals = fc.record({
    battery,
    hidden: fc.boolean(),
    frozen: fc.boolean(),
    pressure: level,
    thermal: level,
    frameGapMs: fc.option(fc.double({ min: 0, max: 5_000, noNaN: true })),
    lastInputAt: fc.option(fc.integer({ min: 0, max: NOW })),
    dataSaver: fc.boolean(),
    bytesToday: fc.nat(),
    secondsToday: fc.nat(86_400),
    minuteOfWeek: fc.integer({ min: 0, max: 10_079 }),
    threads: fc.integer({ min: 1, max: 256 })
  })
  const preferences = fc
    .record({
      gpuShare: fc.double({ min: 0, max: 1, noNaN: true }),
      gpuPaused: fc.boolean(),
      cores: fc.option(fc.integer({ min: 1, max: 1_024 })),
      onlyWhenIdleMinutes: fc.option(fc.integer({ min: 1, max: 240 })),
      onBattery: fc.constantFrom('rest', 'gpu_off', 'go_on'),
      yields: fc.boolean(),
      hiddenTab: fc.constantFrom('rest', 'go_on')
    })
    .map((some) => preferencesSchema.parse(some))
  fc.assert(
    fc.property(preferences, fc.array(signals, { minLength: 1, maxLength: 20 }), (wish, said) => {
      let memory = FRESH_MEMORY
      said.forEach((one, index) => {
        const { governance, memory: next } = govern(wish, one, NOW + index * 1_000, memory)
        memory = next
        for (const reason of governance.suspended) expect(REASONS[reason].about).toBe('host')
        expect(new Set(governance.suspended).size).toBe(governance.suspended.length)
        const { gpuShare, sliceMs, cpuSlots } = governance.lending
        expect(gpuShare).toBeGreaterThanOrEqual(0)
        expect(gpuShare).toBeLessThanOrEqual(wish.gpuShare)
        expect([4, 5, 10, 20]).toContain(sliceMs)
        expect(Number.isInteger(cpuSlots) && cpuSlots >= 1 && cpuSlots <= one.threads).toBe(true)
      })
    })
  )
})

describe('preferences', () => {
  it('that were never stored, or are spoiled, are the defaults', () => {
    for (const text of [null, '', '{', '[]', '{"gpuShare": 7}', 'hidden nobattery', '{"schedule":"0101"}'])
      expect(storedPreferences(text)).toEqual(DEFAULT_PREFERENCES)
  })

  it('survive being stored, and what is missing has its default', () => {
    const own = { ...DEFAULT_PREFERENCES, gpuShare: 0.3, schedule: NEVER }
    expect(storedPreferences(JSON.stringify(own))).toEqual(own)
    expect(storedPreferences('{"gpuShare":0.3}')).toEqual({ ...DEFAULT_PREFERENCES, gpuShare: 0.3 })
  })

  it('begin as the balanced preset, and a preset is known again', () => {
    expect(presetLike(DEFAULT_PREFERENCES, 8)).toBe('balanced')
    for (const threads of [2, 8, 64])
      for (const preset of presets) expect(presetLike({ ...DEFAULT_PREFERENCES, ...presetOf(preset, threads) }, threads)).toBe(preset)
    expect(presetLike({ ...DEFAULT_PREFERENCES, gpuShare: 0.55 }, 8)).toBeNull()
  })
})
