import {
  verificationSentence,
  jobBlobs,
  shortId,
  signSpec,
  type JobSpec,
  type ParamValue,
  type SignedSpec,
  type SubmitAnswer
} from '@peercompute/job-specs'
import type { ApiClient } from '../api/client.ts'
import { coordinatorOf, json, ndjson, type Context, type Coordinator, type RemoteOptions } from '../context.ts'
import { loadJob, type LoadedJob } from '../job/load-job.ts'
import { bytes, count } from '../output/format.ts'
import { waitingLines } from '../output/waiting.ts'
import { userFolder } from '../user/folder.ts'
import { createPinStore } from '../user/pins.ts'
import { judge, sayEnd, watchJob } from './watch.ts'

export interface SubmitOptions extends RemoteOptions {
  readonly watch?: true
  readonly param: Readonly<Record<string, ParamValue>>
  readonly revision?: number
  readonly timeout?: number
}

/** Publishes, then sends the bytes that the coordinator lacks. */
export async function sendJob(
  { terminal }: Context,
  api: ApiClient,
  body: SignedSpec | { readonly spec: JobSpec },
  { spec, blobs }: LoadedJob
): Promise<SubmitAnswer> {
  const answer = await api.submit(body)
  if (answer.missingBlobs.length === 0) return answer
  const refs = jobBlobs(spec)
  for (const hash of answer.missingBlobs) {
    const ref = refs.find((one) => one.sha256 === hash)
    const content = blobs.get(hash)
    if (ref === undefined || content === undefined) continue
    terminal.live(`Sending ${bytes(ref.bytes)} …`)
    await api.putBlob(ref, content)
  }
  // The bytes have arrived meanwhile.
  return { ...answer, state: (await api.job(answer.id)).state, missingBlobs: [] }
}

/** With the token when there is one (custodial), else signed by the user's own key. */
async function publish(context: Context, { api, token, url }: Coordinator, job: LoadedJob): Promise<SubmitAnswer> {
  await createPinStore(userFolder(context.env)).check(url, await api.info())
  if (token !== undefined) return sendJob(context, api, { spec: job.spec }, job)
  const { authorKey } = await import('../user/author-key.ts')
  return sendJob(context, api, await signSpec(await authorKey(context.env), job.spec), job)
}

function sayNext(context: Context, id: string): void {
  const short = shortId(id)
  for (const command of [`watch ${short}`, `show ${short}`, `results ${short} --format csv --out ${short}.csv`])
    context.terminal.talk(`  peercompute ${command}`)
}

export async function submit(context: Context, target: string, options: SubmitOptions): Promise<void> {
  const coordinator = await coordinatorOf(context, options)
  const job = await loadJob(target, { params: options.param, ...(options.revision === undefined ? {} : { revision: options.revision }) })
  const { terminal } = context
  const answer = await publish(context, coordinator, job)
  if (options.json) await terminal.data(options.watch ? ndjson(answer) : json(answer))
  else {
    terminal.talk(
      `${answer.created ? 'Published' : 'Already published:'} ${job.spec.name} as ${terminal.style('bold', shortId(answer.id))}: ${count(job.spec.unitCount)} units. ${verificationSentence(job.spec.verification)}`
    )
    if (job.plan) terminal.talk(job.plan.explanation)
    await terminal.data(`${answer.id}\n`)
    const lines = waitingLines(await coordinator.api.why(answer.id))
    if (lines.length > 0) terminal.talk(terminal.style('yellow', lines.join('\n')))
  }
  if (options.watch) {
    const ended = await watchJob(context, coordinator, answer.id, options)
    if (!options.json) {
      sayEnd(context, ended)
      sayNext(context, answer.id)
    }
    judge(ended)
  } else if (!options.json) sayNext(context, answer.id)
}
