/**
 * The whole platform on one machine: a coordinator, the sample job, and this machine as the first volunteer. Two different
 * programs count as two opinions here (`independence: executor`), and it says so.
 */
import { join } from 'node:path'
import { leastResults, shortId, signSpec, type JobDetail, type JobId } from '@peercompute/job-specs'
import type { RunningServer } from '@peercompute/relay-coordinator'
import { createFolderIdentityStore, createNodeVolunteer, loadOrCreateIdentity, type NodeVolunteer } from '@peercompute/worker-client/node'
import { createApiClient } from '../api/client.ts'
import { isEnded } from '../api/follow-job.ts'
import { ndjson, type Context } from '../context.ts'
import { count, duration } from '../output/format.ts'
import { createProgress } from '../output/progress.ts'
import { table } from '../output/table.ts'
import { ANSWER_HEAD, answerRows, keelingAnswer, misfitElements, type KeelingAnswer } from '../sample/keeling-answer.ts'
import { sampleJob } from '../sample/sample-job.ts'
import { newIdentityOptions } from '../user/identity.ts'
import { interrupted, sayServer, startServer, type ServeFlags } from './serve.ts'
import { lentParts } from './volunteer.ts'

/** How this machine reaches its own coordinator, whatever the world calls it. */
function localUrl({ port }: RunningServer, host: string | undefined): string {
  const any = host === undefined || host === '0.0.0.0' || host === '::'
  return `http://${any ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`
}

async function publishSample(
  context: Context,
  server: RunningServer,
  url: string,
  folder: string
): Promise<{ readonly id: JobId; readonly created: boolean }> {
  const { sendJob } = await import('./submit.ts')
  const job = await sampleJob()
  const identity = await loadOrCreateIdentity(createFolderIdentityStore(folder), newIdentityOptions())
  const signed = await signSpec(identity.account, job.spec)
  // Who starts the coordinator has approved of what it starts with.
  server.operator.researchers.remember([signed.author])
  return sendJob(context, createApiClient({ url, signal: context.signal }), signed, job)
}

/** Shows progress until the job ends. Undefined when the command is interrupted before. */
async function completion(context: Context, { coordinator }: RunningServer, id: JobId, asJson: boolean): Promise<JobDetail | undefined> {
  const progress = createProgress(context.terminal)
  let unsubscribe: (() => void) | undefined
  const ended = new Promise<JobDetail>((resolve) => {
    const look = () => {
      const job = coordinator.job(id)
      if (!asJson) progress.show(job)
      if (isEnded(job)) resolve(job)
    }
    unsubscribe = coordinator.onLive((event) => {
      if (event.event === 'job' && event.data.id === id) look()
    })
    look()
  })
  try {
    return await Promise.race([ended, interrupted(context.signal).then(() => undefined)])
  } finally {
    unsubscribe?.()
  }
}

function answerOf(server: RunningServer, job: JobDetail): Promise<KeelingAnswer> {
  return keelingAnswer(job, async (unit) => {
    const [settled] = await server.coordinator.values(job.id, { start: unit, count: 1 })
    return settled === undefined ? [] : misfitElements(job, settled.value)
  })
}

async function sayAnswer({ terminal }: Context, job: JobDetail, answer: KeelingAnswer): Promise<void> {
  const took = job.endedAt === null ? '' : ` in ${duration(job.endedAt - job.submittedAt)}`
  terminal.talk(
    `${terminal.style('green', 'Verified')}${job.sameMachine ? terminal.style('yellow', ' (same machine)') : ''}: ${job.spec.title}`
  )
  terminal.talk(
    `  ${count(job.units.validated)} units${took}, each computed by ${leastResults(job.verification)} programs that agree${job.sameMachine ? '; one machine, so this guards against broken programs, not against a liar' : ''}`
  )
  await terminal.data(table([...ANSWER_HEAD], answerRows(answer), [1, 2, 3, 4]))
}

function sayUrls({ terminal }: Context, { url }: RunningServer, id: JobId): void {
  terminal.talk('')
  terminal.talk(`  pages     ${url}`)
  terminal.talk(`  this job  ${url}/#/jobs/${id}`)
  terminal.talk(`  commands  npx peercompute show ${shortId(id)}   npx peercompute submit n-queens -p n=12 --watch`)
  terminal.talk('It stays up and goes on computing. Stop it with Ctrl-C; nothing acknowledged is lost.')
}

async function runSample(context: Context, server: RunningServer, volunteer: NodeVolunteer, id: JobId, asJson: boolean): Promise<void> {
  const { terminal } = context
  volunteer.start()
  const job = await completion(context, server, id, asJson)
  if (job === undefined) return
  if (job.state !== 'completed') {
    terminal.talk(`The sample job is ${job.state}: ${job.why.sentence}`)
    return
  }
  const answer = await answerOf(server, job)
  const { spec: _, ...summary } = job
  if (asJson) await terminal.data(ndjson({ event: 'answer', job: summary, ...answer }))
  else await sayAnswer(context, job, answer)
}

export async function start(context: Context, flags: ServeFlags): Promise<void> {
  const { terminal, signal } = context
  const asJson = flags.json === true
  const server = await startServer(context, flags)
  let volunteer: NodeVolunteer | undefined
  try {
    const { url, port, root, dataDir, adminToken } = server
    if (asJson) await terminal.data(ndjson({ event: 'serving', url, port, root, dataDir, adminToken }))
    else sayServer(context, server)
    const here = localUrl(server, flags.host ?? context.env.PEERCOMPUTE_HOST)
    const folder = join(dataDir, 'volunteer')
    volunteer = await createNodeVolunteer({ coordinator: here, root, folder })
    const { id, created } = await publishSample(context, server, here, folder)
    if (asJson) await terminal.data(ndjson({ event: 'published', id, created }))
    else
      terminal.talk(
        `${created ? 'Published the sample job' : 'The sample job is here already'} (${shortId(id)}); this machine computes with ${lentParts(volunteer)}.`
      )
    await runSample(context, server, volunteer, id, asJson)
    if (!signal.aborted && !asJson) sayUrls(context, server, id)
    await interrupted(signal)
  } finally {
    await volunteer?.stop()
    await server.close()
  }
}
