/**
 * Makes room on the processor for other programs. The level that a platform tells includes our own load, so what others use is at
 * least the lower end of the level less what we lend: a device that is busy with our work alone is not crowded.
 */
import type { PressureLevel } from './signals.ts'

/** At and above this, programs wait for each other; the lower end of `critical`. */
const FULL = 0.9
/** Others that certainly use less than this get along beside us. */
const OTHERS_MATTER = 0.3
/** Others that certainly use more than this have no room for a single program. On two threads that cannot be told: one of them is ours. */
const OTHERS_NEED_ALL = 0.6
/** A cut must show in the level before the next one. */
const CUT_EVERY_MS = 5_000
const CALM_MS = 30_000
const COOL_MS = 60_000

export interface PressureGuard {
  /** Programs at a time, at most. */
  readonly limit: number
  /** One program is still too much. */
  readonly resting: boolean
  readonly changedAt: number
  readonly calmSince: number | null
}

export const FRESH_PRESSURE: PressureGuard = { limit: Infinity, resting: false, changedAt: -Infinity, calmSince: null }

export interface PressureInput {
  readonly pressure: PressureLevel | null
  /** Of the device. */
  readonly threads: number
  /** Programs that the owner allows at a time. */
  readonly wanted: number
}

export function guardPressure({ pressure, threads, wanted }: PressureInput, now: number, before: PressureGuard): PressureGuard {
  if (pressure === null) return FRESH_PRESSURE
  const slots = Math.min(wanted, before.limit)
  const own = before.resting ? 0 : slots / threads
  if (pressure === 'critical' && FULL - own >= OTHERS_MATTER) {
    if (now - before.changedAt < CUT_EVERY_MS || before.resting) return { ...before, calmSince: null }
    if (slots > 1) return { ...before, limit: Math.ceil(slots / 2), changedAt: now, calmSince: null }
    return { ...before, resting: FULL - own >= OTHERS_NEED_ALL, limit: 1, changedAt: now, calmSince: null }
  }
  const calm = pressure === 'nominal' || (pressure === 'fair' && !before.resting)
  const calmSince = calm ? (before.calmSince ?? now) : null
  if (calmSince === null || now - calmSince < CALM_MS) return { ...before, calmSince }
  if (before.resting) return { limit: 1, resting: false, changedAt: now, calmSince: now }
  return { ...before, limit: slots * 2 < wanted ? slots * 2 : Infinity, changedAt: now, calmSince: now }
}

export interface HeatGuard {
  readonly resting: boolean
  readonly coolSince: number | null
}

export const FRESH_HEAT: HeatGuard = { resting: false, coolSince: null }

/** Rests from `critical` on, until a minute at `fair` or below has passed. */
export function guardHeat(thermal: PressureLevel | null, now: number, before: HeatGuard): HeatGuard {
  if (thermal === null) return FRESH_HEAT
  if (thermal === 'critical') return { resting: true, coolSince: null }
  if (!before.resting) return FRESH_HEAT
  const coolSince = thermal === 'serious' ? null : (before.coolSince ?? now)
  return { resting: coolSince === null || now - coolSince < COOL_MS, coolSince }
}
