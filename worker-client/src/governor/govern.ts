/**
 * How much of the machine may be used now, and why not more. Pure: what must not flap is remembered in `GovernorMemory`, which the
 * caller hands back the next time.
 */
import type { ReasonCode } from '@peercompute/job-specs'
import type { Lending } from '../compute/compute-worker.ts'
import { FRESH_FRAMES, guardFrames, type FrameGuard } from './frame-guard.ts'
import type { Governance } from './governance.ts'
import { lentCores, type Preferences } from './preferences.ts'
import { FRESH_HEAT, FRESH_PRESSURE, guardHeat, guardPressure, type HeatGuard, type PressureGuard } from './pressure-guard.ts'
import { lendsAt } from './schedule.ts'
import type { Signals } from './signals.ts'

const MINUTE_MS = 60_000
/** A battery that has recovered only just would be low again at once. */
const BATTERY_RECOVERED = 0.05
/** A slice while the owner looks at the page: a quarter of a frame at 60 Hz. */
const SLICE_LATE_MS = 4
const SLICE_SEEN_MS = 5
/** At two in flight this keeps 99 % of the throughput. */
const SLICE_UNSEEN_MS = 10
/** For who has lent all of the card and knows that the picture will stutter. */
const SLICE_ALL_MS = 20
/** A device that nobody has touched for so long has nobody in front of it. */
const UNTOUCHED_MS = 60_000

export interface GovernorMemory {
  readonly frames: FrameGuard
  readonly pressure: PressureGuard
  readonly heat: HeatGuard
  readonly batteryLow: boolean
}

export const FRESH_MEMORY: GovernorMemory = { frames: FRESH_FRAMES, pressure: FRESH_PRESSURE, heat: FRESH_HEAT, batteryLow: false }

export interface Governed {
  readonly governance: Governance
  readonly memory: GovernorMemory
}

/** `now`: epoch milliseconds. */
export function govern(preferences: Preferences, signals: Signals, now: number, before: GovernorMemory = FRESH_MEMORY): Governed {
  const { yields } = preferences
  const wanted = lentCores(preferences, signals.threads)
  const memory: GovernorMemory = {
    frames: yields ? guardFrames(signals.hidden ? null : signals.frameGapMs, now, before.frames) : FRESH_FRAMES,
    pressure: yields
      ? guardPressure({ pressure: signals.pressure, threads: signals.threads, wanted }, now, before.pressure)
      : FRESH_PRESSURE,
    heat: guardHeat(signals.thermal, now, before.heat),
    batteryLow: isBatteryLow(preferences, signals, before.batteryLow)
  }
  return {
    governance: {
      suspended: suspensions(preferences, signals, now, memory),
      gpuSuspended: gpuSuspension(preferences, signals),
      lending: lending(preferences, signals, now, memory, wanted)
    },
    memory
  }
}

/** What harms the device first, then what the owner has decided, then what passes by itself. */
function suspensions(preferences: Preferences, signals: Signals, now: number, memory: GovernorMemory): readonly ReasonCode[] {
  const { schedule, dailyBytes, dailySeconds } = preferences
  const holds: readonly (readonly [ReasonCode, boolean])[] = [
    ['battery_low', memory.batteryLow],
    ['on_battery', isDischarging(signals) && preferences.onBattery === 'rest'],
    ['thermal_pressure', memory.heat.resting],
    ['outside_schedule', schedule !== null && !lendsAt(schedule, signals.minuteOfWeek)],
    [
      'quota_exceeded',
      (dailyBytes !== null && signals.bytesToday >= dailyBytes) || (dailySeconds !== null && signals.secondsToday >= dailySeconds)
    ],
    ['data_saver', preferences.restOnDataSaver && signals.dataSaver],
    ['device_in_use', isInUse(preferences, signals, now)],
    ['tab_hidden_policy', preferences.hiddenTab === 'rest' && signals.hidden],
    ['tab_frozen', signals.frozen],
    ['cpu_pressure', memory.pressure.resting]
  ]
  return holds.flatMap(([reason, holding]) => (holding ? [reason] : []))
}

function gpuSuspension(preferences: Preferences, signals: Signals): ReasonCode | null {
  if (preferences.gpuPaused || preferences.gpuShare === 0) return 'gpu_paused'
  return isDischarging(signals) && preferences.onBattery === 'gpu_off' ? 'on_battery' : null
}

function lending(preferences: Preferences, signals: Signals, now: number, { frames, pressure }: GovernorMemory, wanted: number): Lending {
  const heat = signals.thermal === 'serious' ? 0.5 : 1
  const stutter = signals.hidden ? 1 : frames.factor
  return {
    gpuShare: preferences.gpuShare * stutter * heat,
    sliceMs: sliceMs(preferences, signals, now, stutter < 1),
    cpuSlots: Math.max(1, Math.floor(Math.min(wanted, pressure.limit) * heat))
  }
}

function sliceMs({ gpuShare, yields }: Preferences, { hidden, lastInputAt }: Signals, now: number, late: boolean): number {
  if (late) return SLICE_LATE_MS
  const attended = !hidden || (lastInputAt !== null && now - lastInputAt < UNTOUCHED_MS)
  if (attended && yields) return SLICE_SEEN_MS
  return gpuShare === 1 && !yields ? SLICE_ALL_MS : SLICE_UNSEEN_MS
}

const isDischarging = ({ battery }: Signals): boolean => battery !== null && !battery.charging

function isBatteryLow({ batteryFloor }: Preferences, { battery }: Signals, before: boolean): boolean {
  if (battery === null || battery.charging) return false
  return battery.level <= (before ? Math.min(1, batteryFloor + BATTERY_RECOVERED) : batteryFloor)
}

/** Where input is not seen, it cannot be known that nobody is there. */
function isInUse({ onlyWhenIdleMinutes }: Preferences, { lastInputAt }: Signals, now: number): boolean {
  return onlyWhenIdleMinutes !== null && (lastInputAt === null || now - lastInputAt < onlyWhenIdleMinutes * MINUTE_MS)
}
