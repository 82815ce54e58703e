import { shortId, signJobCommand, type JobAction } from '@peercompute/job-specs'
import { findJob } from '../api/find-job.ts'
import { coordinatorOf, json, type Context, type RemoteOptions } from '../context.ts'

const DONE: Readonly<Record<JobAction, string>> = { cancel: 'cancelled', pause: 'paused', resume: 'resumed' }

/** With a token, or signed by the key that published the job. */
export async function changeJob(context: Context, action: JobAction, reference: string, options: RemoteOptions): Promise<void> {
  const { api, token } = await coordinatorOf(context, options)
  const job = await findJob(api, reference)
  if (token === undefined) {
    const { authorKey } = await import('../user/author-key.ts')
    await api.command(job, action, await signJobCommand(await authorKey(context.env), job, action, Date.now()))
  } else {
    await api.command(job, action)
  }
  if (options.json) return context.terminal.data(json({ job, done: DONE[action] }))
  context.terminal.talk(`Job ${shortId(job)} is ${DONE[action]}.`)
}
