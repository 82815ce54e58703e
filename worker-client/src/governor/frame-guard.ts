/**
 * Takes the graphics card back while the picture on the screen stutters: half of the share each time, again twice as much after a
 * smooth while. Where giving back made it stutter again, the next try waits twice as long, so that it does not come and go.
 */

/** More than a frame and a half at 60 Hz. */
const LATE_MS = 24
const SMOOTH_MS = 20
/** A slow screen is no stutter: late and smooth are also told by the best gap that was seen. None is slower than 30 Hz. */
const SLOWEST_SCREEN_MS = 34
const LATE_TIMES_BEST = 1.5
const SMOOTH_TIMES_BEST = 1.2
const LEAST_FACTOR = 1 / 4
/** A cut must show in a sample before the next one. */
const CUT_EVERY_MS = 3_000
const PATIENCE_MS = 20_000
const PATIENCE_MAX_MS = 300_000

export interface FrameGuard {
  /** Of the share that the owner allows: 1, 1/2 or 1/4. */
  readonly factor: number
  readonly bestMs: number
  readonly changedAt: number
  readonly smoothSince: number | null
  readonly patienceMs: number
}

export const FRESH_FRAMES: FrameGuard = {
  factor: 1,
  bestMs: SLOWEST_SCREEN_MS,
  changedAt: -Infinity,
  smoothSince: null,
  patienceMs: PATIENCE_MS
}

export function guardFrames(gapMs: number | null, now: number, before: FrameGuard): FrameGuard {
  if (gapMs === null) return { ...before, smoothSince: null }
  const bestMs = Math.min(before.bestMs, gapMs)
  if (gapMs > Math.max(LATE_MS, LATE_TIMES_BEST * bestMs)) {
    const late = { ...before, bestMs, smoothSince: null }
    if (now - before.changedAt < CUT_EVERY_MS || before.factor <= LEAST_FACTOR) return late
    const tooSoon = now - before.changedAt < before.patienceMs
    return {
      ...late,
      factor: before.factor / 2,
      changedAt: now,
      patienceMs: tooSoon ? Math.min(PATIENCE_MAX_MS, before.patienceMs * 2) : before.patienceMs
    }
  }
  const smooth = gapMs <= Math.max(SMOOTH_MS, SMOOTH_TIMES_BEST * bestMs)
  const smoothSince = smooth ? (before.smoothSince ?? now) : null
  if (smoothSince === null || now - smoothSince < before.patienceMs) return { ...before, bestMs, smoothSince }
  if (before.factor < 1) return { ...before, bestMs, factor: before.factor * 2, changedAt: now, smoothSince: now }
  return { ...before, bestMs, smoothSince: now, patienceMs: PATIENCE_MS }
}
