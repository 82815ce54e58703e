/** A job as it changes: by live events, and by asking while there are none. */
import { setTimeout as delay } from 'node:timers/promises'
import { PeerComputeError, type JobSummary } from '@peercompute/job-specs'
import type { ApiClient } from './client.ts'
import { liveEvents } from './live-events.ts'

const POLL_MS = 1_000
/** How often the live stream may be missing before the coordinator counts as gone. */
const TRIES = 30

const ENDED: ReadonlySet<JobSummary['state']> = new Set(['completed', 'failed', 'cancelled', 'retired'])

export function isEnded(job: JobSummary): boolean {
  return ENDED.has(job.state)
}

function isTransient(error: unknown): boolean {
  return error instanceof PeerComputeError ? error.code === 'COORDINATOR_UNREACHABLE' || error.code === 'RATE_LIMITED' : true
}

/**
 * Yields the job at once and after every change, and ends with the state in which it ended. Outlives a coordinator that
 * restarts within half a minute. Rejects with the signal's reason, JOB_NOT_FOUND, or COORDINATOR_UNREACHABLE.
 */
export async function* followJob(api: ApiClient, id: string, signal: AbortSignal): AsyncGenerator<JobSummary> {
  let failures = 0
  for (;;) {
    signal.throwIfAborted()
    const connection = new AbortController()
    try {
      // Subscribed before asking, so that no change falls between.
      const stream = await api.events(id, AbortSignal.any([signal, connection.signal]))
      const now = await api.job(id)
      failures = 0
      yield now
      if (isEnded(now)) return
      for await (const event of liveEvents(stream)) {
        if (event.event !== 'job' || event.data.id !== id) continue
        yield event.data
        if (isEnded(event.data)) return
      }
    } catch (error) {
      signal.throwIfAborted()
      if (!isTransient(error) || ++failures > TRIES) throw error
    } finally {
      connection.abort()
    }
    await delay(POLL_MS, undefined, { signal })
  }
}
