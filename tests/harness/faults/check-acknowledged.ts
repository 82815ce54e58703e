/** What clients were told against what is there. */
import type { JobId, Report, ReportAnswer, ResultRow } from '@peercompute/job-specs'
import type { Evidence, JobEvidence } from './evidence.ts'
import type { Call, Operation } from './history.ts'
import type { BrokenPromise, Violation } from './violation.ts'

type Sent = Extract<Call, { op: 'report' }>
type Broken = (promise: BrokenPromise, what: string) => void

interface IndexedJob {
  readonly job: JobEvidence
  readonly rows: ReadonlyMap<number, ResultRow>
  readonly errored: ReadonlySet<number>
  /** `unit/host/epoch`. */
  readonly waiting: ReadonlySet<string>
  /** Units that were taken back at some time: what was said of them before holds no longer. */
  readonly reopened: ReadonlySet<number>
  /** Hosts of which nothing is believed any more. */
  readonly banned: ReadonlySet<string>
}

const short = (key: string): string => key.slice(0, 8)
const ended = ({ job }: IndexedJob): boolean => ['completed', 'failed', 'cancelled'].includes(job.detail.state)

export function checkAcknowledged(history: readonly Operation[], evidence: Evidence): readonly Violation[] {
  const found: Violation[] = []
  const broken: Broken = (promise, what) => {
    found.push({ promise, what })
  }
  const jobs = new Map<JobId, IndexedJob>([...evidence.jobs].map(([id, job]) => [id, indexed(job, evidence.banned)]))
  checkVotes(history, jobs, broken)
  checkLeases(history, broken)
  for (const { call, outcome } of history) {
    if (outcome.type !== 'ok' || !('job' in call)) continue
    const job = jobs.get(call.job)
    if (job === undefined) {
      broken('acknowledged-lost', `${call.op} of job ${short(call.job)} was acknowledged, and there is no such job`)
      continue
    }
    if (call.op === 'cancel' && !ended(job))
      broken('acknowledged-lost', `job ${short(call.job)} was cancelled and is ${job.job.detail.state}`)
    if (call.op === 'report') for (const { unit, answer } of outcome.answer.units ?? []) checkAnswer(call, unit, answer, job, broken)
    if (call.op !== 'read') continue
    for (const { unit, digest } of outcome.answer.settled ?? []) {
      if (job.reopened.has(unit)) continue
      const now = job.rows.get(unit)?.digest
      if (now === undefined) broken('acknowledged-lost', `unit ${unit} of job ${short(call.job)} was read as settled and is not`)
      else if (now !== digest) broken('settled-twice', `unit ${unit} of job ${short(call.job)} was read with another digest`)
    }
  }
  return found
}

function indexed(job: JobEvidence, banned: ReadonlySet<string>): IndexedJob {
  const reopened = job.audited.flatMap((entry) => (entry.kind === 'units-reopened' ? entry.units : []))
  return {
    job,
    rows: new Map(job.rows.map((row) => [row.unit, row])),
    errored: new Set(job.errored),
    waiting: new Set(job.waiting.map(({ unit, host, epoch }) => `${unit}/${host}/${epoch}`)),
    reopened: new Set(reopened.flatMap(([start, count]) => Array.from({ length: count }, (_, index) => start + index))),
    banned
  }
}

/** Each answer ends the host's duty, so each must be true. */
function checkAnswer({ host, epoch, job: id, units }: Sent, unit: number, answer: ReportAnswer, job: IndexedJob, broken: Broken): void {
  const lost = (what: string): void => {
    broken('acknowledged-lost', `unit ${unit} of job ${short(id)} from ${short(host)}, epoch ${epoch}, was answered ${answer}: ${what}`)
  }
  const sent = units.find((one) => one.unit === unit)
  if (sent === undefined) {
    lost('it was not in the report')
    return
  }
  const row = job.rows.get(unit)
  const mine = row?.votes.some((vote) => vote.host === host && vote.epoch === epoch) === true || job.waiting.has(`${unit}/${host}/${epoch}`)
  const forgotten = job.banned.has(host) || job.reopened.has(unit)
  const closed = row !== undefined || job.errored.has(unit) || job.reopened.has(unit)
  switch (answer) {
    case 'accepted':
      // What waits in an errored unit, or in a job that was called off, has nothing left to wait for.
      if (
        sent.digest !== null &&
        !mine &&
        !forgotten &&
        (row !== undefined || !(job.errored.has(unit) || job.job.detail.state === 'cancelled'))
      )
        lost('there is no such vote')
      return
    case 'late':
      if (!closed) lost('the unit is neither settled nor errored')
      return
    case 'job_closed':
      if (!ended(job)) lost(`the job is ${job.job.detail.state}`)
      return
    case 'duplicate':
      // The first one may also have been of an earlier lease of the same host: one voice.
      if (sent.digest !== null && !forgotten && !speaks(host, unit, job) && (row !== undefined || !(job.errored.has(unit) || ended(job))))
        lost('nothing of it is there')
      return
    case 'not_held':
    case 'rejected':
      return
  }
}

/** Where opinions of one owner or subnet are one, another host may have spoken for this one. */
function speaks(host: string, unit: number, { job, rows, waiting }: IndexedJob): boolean {
  if (job.detail.independence === 'owner' || job.detail.independence === 'subnet') return true
  const row = rows.get(unit)
  if (row !== undefined) return row.votes.some((vote) => vote.host === host)
  return [...waiting].some((key) => key.startsWith(`${unit}/${host}/`))
}

/** Hosts that the recorder knows have said everything that counts for them. */
function checkVotes(history: readonly Operation[], jobs: ReadonlyMap<JobId, IndexedJob>, broken: Broken): void {
  const hosts = new Set<string>()
  const sent = new Map<string, string>()
  for (const { call } of history) {
    if (call.op === 'connect') hosts.add(call.host)
    if (call.op === 'report') for (const { unit, digest } of call.units) sent.set(keyOf(call, unit), digest ?? '')
  }
  for (const [id, { rows }] of jobs) {
    for (const row of rows.values()) {
      for (const { host, epoch, verdict } of row.votes) {
        if (!hosts.has(host)) continue
        const digest = sent.get(keyOf({ job: id, host, epoch }, row.unit))
        const where = `unit ${row.unit} of job ${short(id)}, epoch ${epoch}`
        if (digest === undefined) broken('vote-invented', `${where}: ${short(host)} has not reported it`)
        else if (verdict === 'canonical' && digest !== row.digest)
          broken('vote-invented', `${where}: ${short(host)} has reported another value`)
      }
    }
  }
}

function keyOf({ job, host, epoch }: Pick<Report, 'job' | 'epoch'> & { readonly host: string }, unit: number): string {
  return `${job}/${host}/${epoch}/${unit}`
}

function checkLeases(history: readonly Operation[], broken: Broken): void {
  const given = new Map<string, string>()
  for (const { call, outcome } of history) {
    if (call.op !== 'ask' || outcome.type !== 'ok') continue
    for (const { job, epoch, start, count } of outcome.answer.leases ?? []) {
      const key = `${job}/${epoch}`
      const lease = `${call.host}: ${start} + ${count}`
      if (given.has(key)) broken('lease-given-twice', `epoch ${epoch} of job ${short(job)}: ${given.get(key)} and ${lease}`)
      given.set(key, lease)
    }
  }
}
