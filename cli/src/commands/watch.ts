import { PeerComputeError, shortId, type JobSummary } from '@peercompute/job-specs'
import { findJob } from '../api/find-job.ts'
import { followJob, isEnded } from '../api/follow-job.ts'
import { coordinatorOf, ndjson, type Context, type Coordinator, type RemoteOptions } from '../context.ts'
import { duration } from '../output/format.ts'
import { createProgress } from '../output/progress.ts'
import { reducedText } from '../output/reduced.ts'

export interface WatchOptions extends RemoteOptions {
  /** Seconds after which to give up; the job goes on. */
  readonly timeout?: number
}

/** Throws what the end of the job means for a script: nothing when all units are verified, else JOB_FAILED. */
export function judge(job: JobSummary): void {
  if (job.state === 'completed' || !isEnded(job)) return
  const { validated, errored } = job.units
  throw new PeerComputeError(
    'JOB_FAILED',
    `Job ${shortId(job.id)} is ${job.state}: ${validated} of ${job.unitCount} units are verified, ${errored} failed`
  )
}

/** Shows a job until it ends. The signal only ends the watching: the job goes on. */
export async function watchJob(context: Context, coordinator: Coordinator, id: string, options: WatchOptions): Promise<JobSummary> {
  const { terminal } = context
  const progress = createProgress(terminal)
  const deadline = options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout * 1_000)
  const signal = deadline === undefined ? context.signal : AbortSignal.any([context.signal, deadline])
  let last: JobSummary | undefined
  try {
    for await (const job of followJob(coordinator.api, id, signal)) {
      last = job
      if (options.json) await terminal.data(ndjson(job))
      else progress.show(job)
    }
  } catch (error) {
    if (deadline?.aborted) throw new PeerComputeError('TIMEOUT', `Job ${shortId(id)} has not ended after ${options.timeout ?? 0} s`)
    if (context.signal.aborted) terminal.talk(`The job goes on. Look again with: peercompute watch ${shortId(id)}`)
    throw error
  }
  if (last === undefined) throw new PeerComputeError('JOB_NOT_FOUND', `The coordinator said nothing about job ${shortId(id)}`)
  return last
}

export function sayEnd(context: Context, job: JobSummary): void {
  const { terminal } = context
  const took = job.endedAt === null ? '' : ` in ${duration(job.endedAt - job.submittedAt)}`
  terminal.talk(`${terminal.style(job.state === 'completed' ? 'green' : 'yellow', job.state)}${took}: ${reducedText(job.reduced)}`)
}

export async function watch(context: Context, reference: string, options: WatchOptions): Promise<void> {
  const coordinator = await coordinatorOf(context, options)
  const job = await watchJob(context, coordinator, await findJob(coordinator.api, reference), options)
  if (!options.json) sayEnd(context, job)
  judge(job)
}
