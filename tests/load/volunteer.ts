/**
 * One volunteer: it introduces itself, then in each contact reports what it has done and asks for more. It computes nothing: a unit
 * takes as long as the pattern says, by waiting.
 */
import type { JobId, JobSpec, Lease } from '@peercompute/job-specs'
import { LEASE_UNITS_MAX, REPORT_UNITS_MAX } from '@peercompute/job-specs'
import { setTimeout as sleep } from 'node:timers/promises'
import { converse, introduce, type Conversation } from './conversation.ts'
import type { LightHost } from './light-host.ts'
import type { Link } from './links.ts'
import { count, noteFailure, noteLatency, type Tally } from './tally.ts'

export interface Pattern {
  readonly unitsPerContact: number
  /** What a unit takes. 0: nothing, the next contact follows at once. */
  readonly unitMs: number
  /** Share of that by which it is longer or shorter, at most, at random: else a crowd that began together reports together for ever. */
  readonly unitSpread: number
  /** A contact is due this often, whatever became of the one before; 0: when the work is done. */
  readonly everyMs: number
  /** Null: it reports all that it is given. */
  readonly keeps: Keeping | null
  /** It goes after a random time, on average so long, without a word; 0: it stays. */
  readonly meanLifeMs: number
  /** And comes back after a random time, on average so long. */
  readonly meanAwayMs: number
}

/** To hold `unitsPerContact` units, and renew their leases. */
export interface Keeping {
  /** Units that it is given and reports first: a new host may hold little. */
  readonly after: number
  /** Units of a lease that is worth one of the leases that it may hold; smaller ones are reported. */
  readonly least: number
}

export const AT_ONCE: Pattern = {
  unitsPerContact: 10,
  unitMs: 0,
  unitSpread: 0,
  everyMs: 0,
  keeps: null,
  meanLifeMs: 0,
  meanAwayMs: 0
}

export interface VolunteerInit {
  readonly host: LightHost
  readonly connect: () => Promise<Link>
  readonly pattern: Pattern
  readonly tally: Tally
  readonly random: () => number
  readonly signal: AbortSignal
}

/** Of each contact of one that earns before it keeps. */
const EARNING_UNITS = 10
const RECONNECT_CAP_MS = 5_000
/** Of the cap, after one refusal each: who is sent away by a full coordinator must not be what fills it. */
const RECONNECT_DOUBLINGS = 3
/** As real hosts do. */
const RENEW_SHARE = 1 / 3

/** Runs until the signal. Never rejects. */
export async function runVolunteer(init: VolunteerInit): Promise<void> {
  const { connect, pattern, tally, random, signal } = init
  let refusals = 0
  while (!signal.aborted) {
    const life = pattern.meanLifeMs === 0 ? signal : AbortSignal.any([signal, AbortSignal.timeout(exponential(random, pattern.meanLifeMs))])
    try {
      const link = await connect().catch((error: unknown) => {
        refusals = Math.min(refusals + 1, RECONNECT_DOUBLINGS)
        throw error
      })
      refusals = 0
      try {
        await attend(link, life, init)
      } finally {
        await link.stop()
      }
    } catch (error) {
      if (!life.aborted) noteFailure(tally, error)
    }
    const away =
      life.aborted && pattern.meanAwayMs > 0 ? exponential(random, pattern.meanAwayMs) : random() * RECONNECT_CAP_MS * 2 ** refusals
    await sleep(away, undefined, { signal }).catch(() => undefined)
  }
}

function exponential(random: () => number, mean: number): number {
  return Math.ceil(-Math.log(1 - random()) * mean)
}

/** One connection, from the hello until it ends or the signal comes. */
async function attend(link: Link, signal: AbortSignal, init: VolunteerInit): Promise<void> {
  const { host, tally } = init
  let wake: () => void = () => undefined
  const conversation = converse(link.channel, ({ type }) => {
    if (type === 'nudge') wake()
  })
  const ended = new AbortController()
  const over = AbortSignal.any([signal, ended.signal])
  void conversation.over.then(() => {
    ended.abort()
  })
  const rest = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        over.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      over.addEventListener('abort', done)
      wake = done
      if (over.aborted) done()
    })

  await introduce(conversation, host)
  tally.connected++
  tally.joins++
  try {
    await work(conversation, rest, over, init)
  } finally {
    tally.connected--
  }
}

type Rest = (ms: number) => Promise<void>

async function work(
  conversation: Conversation,
  rest: Rest,
  over: AbortSignal,
  { host, pattern, tally, random }: VolunteerInit
): Promise<void> {
  const specs = new Map<JobId, JobSpec>()
  let held: readonly Lease[] = []
  const kept: Lease[] = []
  let earned = 0
  // Where the first contact lies in the interval is random, so that those of all volunteers are spread over it.
  let due = performance.now() + random() * pattern.everyMs
  while (!over.aborted) {
    if (pattern.everyMs > 0 && !(await wait(due - performance.now(), over))) return
    const began = pattern.everyMs > 0 ? due : performance.now()
    due += pattern.everyMs
    const reported = report(conversation, host, specs, held, tally)
    const earning = pattern.keeps !== null && earned < pattern.keeps.after
    const asked = conversation.ask('work', {
      type: 'ask',
      executor: 'js',
      units: earning ? EARNING_UNITS : Math.min(pattern.unitsPerContact - unitsOf(kept), LEASE_UNITS_MAX),
      seconds: 0,
      knownJobs: [...specs.keys()]
    })
    const [{ leases, jobs, retryAfterMs }] = await Promise.all([asked, reported])
    tally.contacts++
    noteLatency(tally, performance.now() - began)
    for (const { job, signed } of jobs) specs.set(job, signed.spec)
    const least = earning ? Infinity : (pattern.keeps?.least ?? Infinity)
    kept.push(...leases.filter(({ count }) => count >= least))
    held = leases.filter(({ count }) => count < least)
    const units = unitsOf(leases)
    tally.leased += units
    earned += units
    if (units === 0) {
      tally.empty++
      if (pattern.everyMs === 0) await rest(retryAfterMs)
      continue
    }
    if (kept.length > 0 && unitsOf(kept) > pattern.unitsPerContact - least) {
      await report(conversation, host, specs, held, tally)
      tally.keeping++
      await keep(conversation, kept, over)
    } else if (pattern.unitMs > 0)
      await compute(conversation, leases, pattern.unitMs * units * (1 + pattern.unitSpread * (2 * random() - 1)), over)
  }
}

function unitsOf(leases: readonly Lease[]): number {
  return leases.reduce((sum, { count: units }) => sum + units, 0)
}

/** Reports of whole leases, side by side. */
async function report(
  conversation: Conversation,
  host: LightHost,
  specs: ReadonlyMap<JobId, JobSpec>,
  leases: readonly Lease[],
  tally: Tally
): Promise<void> {
  const parts = leases.flatMap((lease) =>
    Array.from({ length: Math.ceil(lease.count / REPORT_UNITS_MAX) }, (_, part) => {
      const start = lease.start + part * REPORT_UNITS_MAX
      return { lease, start, count: Math.min(REPORT_UNITS_MAX, lease.start + lease.count - start) }
    })
  )
  await Promise.all(
    parts.map(async ({ lease, start, count: units }) => {
      const spec = specs.get(lease.job)
      if (spec === undefined) throw new Error(`A lease of ${lease.job} came without its job`)
      const { report: body, values } = await host.report(spec, lease, start, units)
      tally.lastReportAt = Number(process.hrtime.bigint()) / 1e6
      const { answers } = await conversation.ask('ack', { type: 'report', report: body }, values)
      for (const { answer } of answers) count(tally.answers, answer, 1)
    })
  )
}

/** Waits as long as the units take and renews meanwhile. */
async function compute(conversation: Conversation, leases: readonly Lease[], ms: number, over: AbortSignal): Promise<void> {
  const end = performance.now() + ms
  const step = Math.min(...leases.map(({ durationMs }) => durationMs)) * RENEW_SHARE
  for (;;) {
    const left = end - performance.now()
    if (!(await wait(Math.min(left, step), over)) || left <= step) return
    await conversation.ask('renewed', { type: 'renew', leases: leases.map(({ job, epoch }) => ({ job, epoch })) })
  }
}

async function keep(conversation: Conversation, leases: readonly Lease[], over: AbortSignal): Promise<void> {
  while (!over.aborted) await compute(conversation, leases, 60_000, over)
}

/** False when the signal came first. */
async function wait(ms: number, signal: AbortSignal): Promise<boolean> {
  if (ms >= 1) await sleep(ms, undefined, { signal }).catch(() => undefined)
  return !signal.aborted
}
