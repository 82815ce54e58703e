/** R6: every message several times and in any order, over the real ways. What comes of it is what single delivery gives. */
import { createIdentity, openWorkSession, systemClock, type Identity, type WorkSession } from '@peercompute/worker-client/node'
import {
  resultRowSchema,
  rootIdSchema,
  sha256Hex,
  signReport,
  type ContentHash,
  type JobId,
  type Lease,
  type Report,
  type ReportAnswer
} from '@peercompute/job-specs'
import { seededRandom } from '../seeded-random.ts'
import { lightValue } from './light-value.ts'
import { startCampaign, type Campaign, type Judgement } from './campaign.ts'
import { serveHere } from './served-here.ts'
import { httpLine, streamLine, type WorkLine } from './work-line.ts'

export interface RepeatedMessagesOptions {
  readonly seed: number
  /** Most over HTTP, every fifth over a work stream. An even number. */
  readonly hosts: number
  /** Reports of one unit each; with `times` 5, at most 9. */
  readonly reportsEach: number
  readonly times: number
}

/** What is left of a job when it is over, without who came first. */
export interface JobOutcome {
  readonly state: string
  readonly units: object
  readonly reduced: object
  readonly executionsPerUnit: number | null
  readonly rows: readonly { readonly unit: number; readonly digest: string; readonly votes: number }[]
  /** Answers that ended a duty for the first time, by host. */
  readonly accepted: readonly number[]
}

export interface RepeatedMessagesRecord {
  readonly messages: number
  readonly repeated: JobOutcome
  readonly single: JobOutcome
  readonly violations: Judgement['violations']
}

interface Party {
  readonly name: string
  readonly identity: Identity
  readonly session: WorkSession
}

interface Signed {
  readonly body: Report
  readonly value: Uint8Array
}

/** More than a coordinator wants to see before it gives a job to everybody. */
const TRIAL_UNITS = 16
/** Requests under way at once; the coordinator takes 16 of a stream. */
const BATCH = 32
/** Every so many hosts one comes over a work stream. A stream is put out after 50 messages that led to nothing, so it may not repeat more. */
const STREAM_EVERY = 5

export async function repeatedMessages(options: RepeatedMessagesOptions): Promise<RepeatedMessagesRecord> {
  const { seed, hosts, reportsEach, times } = options
  const server = await serveHere()
  const campaign = await startCampaign('repeated', seed, server)
  const streams: WorkLine[] = []
  try {
    const parties: Party[] = []
    for (let index = 0; index < hosts; index++) {
      if (index % STREAM_EVERY > 0) parties.push(await introduce(campaign, `host-${index}`, httpLine(server.url)))
      else {
        const line = await streamLine(server.url)
        streams.push(line)
        parties.push(await introduce(campaign, `host-${index}`, line))
      }
    }
    const single = await oneJob(campaign, parties, reportsEach, 1)
    const repeated = await oneJob(campaign, parties, reportsEach, times)
    const { violations } = await campaign.judge()
    return { messages: single.messages + repeated.messages, single: single.outcome, repeated: repeated.outcome, violations }
  } finally {
    await Promise.all(streams.map((line) => line.close()))
    await campaign.end()
    await server.stop()
  }
}

async function introduce({ server, history }: Campaign, name: string, line: WorkLine): Promise<Party> {
  const identity = await createIdentity({ label: name, now: Date.now(), extractableHost: true })
  const executors = [
    { kind: 'js' as const, slots: 1, numericClass: 'light', probeVersion: 1, features: [], software: false, operationsPerSecond: 0 }
  ]
  const session = await history.perform(
    name,
    { op: 'connect', host: identity.certificate.host },
    async () =>
      openWorkSession({
        channel: await line.open(),
        identity,
        host: { agent: `light/${name}`, memoryBytes: 0, executors },
        pinnedRoot: rootIdSchema.parse(server.root),
        clock: systemClock,
        onStop: () => undefined,
        onNudge: () => undefined
      }),
    () => ({})
  )
  return { name, identity, session }
}

/** All hosts lease before any reports; then each sends its messages, `times` each, shuffled. */
async function oneJob(campaign: Campaign, parties: readonly Party[], reportsEach: number, times: number) {
  const { submitter, server, history, random } = campaign
  const job = await submitter.submit({ unitCount: TRIAL_UNITS + (parties.length * reportsEach) / 2 })
  await passTrial(campaign, parties.slice(0, 2))
  const held = new Map<Party, readonly Lease[]>()
  for (const party of parties) held.set(party, await leaseAll(campaign, party, reportsEach))
  const accepted = await Promise.all(
    parties.map(async (party) => {
      const { host } = party.identity.certificate
      const leases = held.get(party) ?? []
      const reports = await Promise.all(leases.flatMap((lease) => unitsOf(lease).map((unit) => signed(party, lease, unit))))
      const names = leases.map(({ job: id, epoch }) => ({ job: id, epoch }))
      const renew = async (): Promise<readonly ReportAnswer[]> => {
        await history.perform(
          party.name,
          { op: 'renew', host, leases: names },
          () => party.session.renew(names),
          () => ({})
        )
        return []
      }
      const once = [renew, ...reports.map((report) => () => send(campaign, party, report))]
      const messages = shuffled(Array.from({ length: times }, () => once).flat(), seededRandom(Math.floor(random() * 2 ** 32)))
      const answers: ReportAnswer[] = []
      for (let from = 0; from < messages.length; from += BATCH)
        answers.push(...(await Promise.all(messages.slice(from, from + BATCH).map((deliver) => deliver()))).flat())
      return { count: messages.length, accepted: answers.filter((answer) => answer === 'accepted').length }
    })
  )
  const messages = accepted.reduce((sum, { count }) => sum + count, 0)
  return {
    messages,
    outcome: await outcomeOf(
      server,
      job,
      accepted.map((one) => one.accepted)
    )
  }
}

/** A new job goes to few hosts until some of its units have succeeded. Quorum 2, so these two settle all that they report. */
async function passTrial(campaign: Campaign, two: readonly Party[]): Promise<void> {
  for (const party of two) {
    for (const lease of await leaseAll(campaign, party, TRIAL_UNITS))
      for (const unit of unitsOf(lease)) await send(campaign, party, await signed(party, lease, unit))
  }
}

async function send({ history }: Campaign, { name, identity, session }: Party, { body, value }: Signed): Promise<readonly ReportAnswer[]> {
  const { job, epoch, units } = body
  const call = {
    op: 'report' as const,
    host: identity.certificate.host,
    job,
    epoch,
    units: units.map((unit) => ({ unit: unit.unit, digest: unit.outcome === 'success' ? unit.digest : null }))
  }
  const answers = await history.perform(
    name,
    call,
    () => session.report(body, value),
    (given) => ({ units: [...given] })
  )
  return answers.map(({ answer }) => answer)
}

/** A new job may be given out in small parts. */
async function leaseAll({ history }: Campaign, { name, identity, session }: Party, units: number): Promise<readonly Lease[]> {
  const leases: Lease[] = []
  for (let missing = units; missing > 0;) {
    const given = await history.perform(
      name,
      { op: 'ask', host: identity.certificate.host, units: missing },
      () => session.ask({ executor: 'js', units: missing, seconds: 0, knownJobs: [] }),
      (answer) => ({ leases: answer.leases.map(({ job, epoch, start, count }) => ({ job, epoch, start, count })) })
    )
    if (given.leases.length === 0) throw new Error(`${name} gets no work: ${given.why ?? 'no reason'}`)
    leases.push(...given.leases)
    missing -= given.leases.reduce((sum, { count }) => sum + count, 0)
  }
  return leases
}

async function signed(
  { identity }: Party,
  { job, epoch }: Lease,
  unit: number
): Promise<{ readonly body: Report; readonly value: Uint8Array }> {
  const value = lightValue(unit)
  const body = await signReport(identity.host, {
    v: 1,
    job,
    epoch,
    host: identity.certificate.host,
    executor: 'js',
    numericClass: 'light',
    probeVersion: 1,
    ts: Date.now(),
    units: [{ outcome: 'success', unit, digest: sha256Hex(value) as ContentHash, bytes: value.length, computeMs: 1 }]
  })
  return { body, value }
}

async function outcomeOf(server: Campaign['server'], id: JobId, accepted: readonly number[]): Promise<JobOutcome> {
  const { state, units, reduced, executionsPerUnit } = await server.job(id)
  const text = await (await fetch(`${server.url}/api/v1/jobs/${id}/results?format=ndjson`)).text()
  const rows = text
    .trim()
    .split('\n')
    .map((line) => resultRowSchema.parse(JSON.parse(line)))
    .map(({ unit, digest, votes }) => ({ unit, digest, votes: votes.length }))
  return { state, units, reduced, executionsPerUnit, rows, accepted }
}

function unitsOf({ start, count }: Lease): readonly number[] {
  return Array.from({ length: count }, (_, index) => start + index)
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const out = [...items]
  for (let index = out.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    const [a, b] = [out[index], out[other]]
    if (a !== undefined && b !== undefined) [out[index], out[other]] = [b, a]
  }
  return out
}
