import type { JobId } from '@peercompute/job-specs'

/** Outcomes are counted for so long before they say something. */
const WINDOW_MS = 250
/** A measurement over so many seconds counts as much as all before it, so that units that grow are noticed at once. */
const HALF_SECONDS = 1
const JOBS_MAX = 64

/** How long one unit of each job takes an executor, all of its slots together, in seconds. */
export interface UnitPace {
  /** Undefined before the first outcome. */
  of(job: JobId): number | undefined
  /** Pace of the job counted last. */
  latest(): number | undefined
  /** The executor goes to work: the time before this moment is nobody's. */
  begin(nowMs: number): void
  count(job: JobId, computeMs: number, nowMs: number): void
}

export function createUnitPace(slots: number): UnitPace {
  /** The first value of a job is guessed from one unit's own time, which leaves out what lies between units. */
  const paces = new Map<JobId, { readonly seconds: number; readonly guessed: boolean }>()
  const counted = new Map<JobId, { units: number; computeMs: number }>()
  let since = 0

  const set = (job: JobId, seconds: number, guessed: boolean) => {
    paces.delete(job)
    paces.set(job, { seconds: Math.max(1e-6, seconds), guessed })
    for (const oldest of paces.keys()) {
      if (paces.size <= JOBS_MAX) break
      paces.delete(oldest)
    }
  }
  /** Jobs that were computed at the same time share it as they share the slots. */
  const learn = (elapsedMs: number) => {
    const total = [...counted.values()].reduce((sum, { computeMs }) => sum + computeMs, 0)
    for (const [job, { units, computeMs }] of counted) {
      const share = total > 0 ? computeMs / total : 1 / counted.size
      const seconds = (elapsedMs / 1_000) * share
      const before = paces.get(job)
      const weight = before === undefined || before.guessed ? 1 : seconds / (seconds + HALF_SECONDS)
      set(job, (before?.seconds ?? 0) * (1 - weight) + (seconds / units) * weight, false)
    }
  }

  return {
    of: (job) => paces.get(job)?.seconds,
    latest: () => [...paces.values()].at(-1)?.seconds,
    begin(nowMs) {
      since = nowMs
      counted.clear()
    },
    count(job, toldMs, nowMs) {
      const computeMs = Number.isFinite(toldMs) ? Math.max(0, toldMs) : 0
      if (!paces.has(job)) set(job, computeMs / 1_000 / slots, true)
      const entry = counted.get(job) ?? { units: 0, computeMs: 0 }
      entry.units++
      entry.computeMs += computeMs
      counted.delete(job)
      counted.set(job, entry)
      if (nowMs - since < WINDOW_MS) return
      learn(nowMs - since)
      since = nowMs
      counted.clear()
    }
  }
}
