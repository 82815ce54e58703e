/** What people see of a job's trust. Counting reads units, so an answer is given again for some seconds, and two jobs are never read at once. */
import { verificationSentence, type JobId, type JobTrust } from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator } from '../coordinator.ts'
import type { TrustCount } from '../core/index.ts'
import { countTrust } from './count-trust.ts'

const FRESH_MS = 2_000
/** Counts that are remembered. */
const JOBS_MAX = 64

interface Entry {
  readonly version: string
  readonly madeAt: number
  readonly count: Promise<TrustCount>
}

export interface TrustBook {
  /** Rejects with JOB_NOT_FOUND. */
  job(id: JobId): Promise<JobTrust>
}

export interface TrustBookInit {
  readonly coordinator: Pick<Coordinator, 'job' | 'standing' | 'settledUnits' | 'settledRanges'>
  readonly clock: Pick<Clock, 'now'>
}

export function createTrustBook({ coordinator, clock }: TrustBookInit): TrustBook {
  const entries = new Map<JobId, Entry>()
  let reading: Promise<unknown> = Promise.resolve()

  function counted(id: JobId, version: string): Promise<TrustCount> {
    const known = entries.get(id)
    if (known !== undefined && (known.version === version || clock.now() - known.madeAt < FRESH_MS)) return known.count
    const count = reading.then(() => countTrust(coordinator, id))
    reading = count.catch(() => {
      if (entries.get(id)?.count === count) entries.delete(id)
    })
    entries.delete(id)
    entries.set(id, { version, madeAt: clock.now(), count })
    const [oldest] = entries.keys()
    if (entries.size > JOBS_MAX && oldest !== undefined) entries.delete(oldest)
    return count
  }

  return {
    async job(id) {
      const { units, verification, independence, executionsPerUnit } = coordinator.job(id)
      const standing = coordinator.standing(id)
      const count = await counted(id, `${units.validated}/${standing.reopened}`)
      return {
        job: id,
        sentence: verificationSentence(verification),
        verification,
        independence,
        executionsPerUnit,
        settled: units.validated,
        ...count,
        ...standing
      }
    }
  }
}
