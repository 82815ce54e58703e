/** The kill switch: a job, or everything that a key has signed, stops at every volunteer. */
import { authorIdSchema, jobIdSchema, type RevocationBody } from '@peercompute/job-specs'
import { findJob } from '../api/find-job.ts'
import { coordinatorOf, json, operatorOf, type Context, type RemoteOptions } from '../context.ts'
import { count } from '../output/format.ts'

export interface RevokeOptions extends RemoteOptions {
  readonly reason: string
}

export async function revoke(context: Context, what: string, { reason, ...options }: RevokeOptions): Promise<void> {
  const key = authorIdSchema.safeParse(what)
  const body: RevocationBody = key.success
    ? { key: key.data, reason }
    : { job: jobIdSchema.parse(await findJob((await coordinatorOf(context, options)).api, what)), reason }
  const answer = await (await operatorOf(context, options)).revoke(body)
  if (options.json) return context.terminal.data(json(answer))
  const { revocation, jobs, announced } = answer
  context.terminal.talk(
    `The ${revocation.kind} ${revocation.subject} is revoked: ${count(jobs.length)} ${jobs.length === 1 ? 'job' : 'jobs'} stopped.`
  )
  context.terminal.talk(
    announced
      ? 'The ledger says so to every volunteer.'
      : context.terminal.style('yellow', 'The ledger could not be written; it is tried again every second.')
  )
}
