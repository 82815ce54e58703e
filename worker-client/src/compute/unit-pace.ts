import type { JobId } from '@peercompute/job-specs'

const SMOOTHING = 0.4
const JOBS_MAX = 64

/** How long one unit of each job takes an executor, all of its slots together, in seconds. */
export interface UnitPace {
  /** Undefined before the first measurement. */
  of(job: JobId): number | undefined
  /** Pace of the job measured last. */
  latest(): number | undefined
  /** First guess from one unit's own time; later ones are ignored, because they leave out what lies between the units. */
  guess(job: JobId, seconds: number): void
  /** Wall-clock time of a whole range over its units. */
  measure(job: JobId, seconds: number): void
}

export function createUnitPace(): UnitPace {
  const paces = new Map<JobId, { seconds: number; guessed: boolean }>()
  const set = (job: JobId, seconds: number, guessed: boolean) => {
    paces.delete(job)
    paces.set(job, { seconds: Math.max(1e-6, seconds), guessed })
    for (const oldest of paces.keys()) {
      if (paces.size <= JOBS_MAX) break
      paces.delete(oldest)
    }
  }
  return {
    of: (job) => paces.get(job)?.seconds,
    latest: () => [...paces.values()].at(-1)?.seconds,
    guess(job, seconds) {
      if (!paces.has(job)) set(job, seconds, true)
    },
    measure(job, seconds) {
      const before = paces.get(job)
      set(job, before === undefined || before.guessed ? seconds : before.seconds + SMOOTHING * (seconds - before.seconds), false)
    }
  }
}
