/** Which units of a job a host may be given. Reads only; the cost does not grow with units, ranges or leases. */
import { kernelExecutors, LEASE_UNITS_MAX, type Executor, type ReasonCode } from '@peercompute/job-specs'
import { isFull, type Room } from './allowance.ts'
import { classOf, doesNotCompile, isUnable } from './ability.ts'
import { demandOf, lackOf, type Demand, type Lack } from './demand.ts'
import { marksOf } from './exclusion.ts'
import type { Holder } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState, HostEntry } from './state.ts'
import { mayTakeWaiting, NOBODY_ELSE, unsentFirst, type Fleet } from './mixing.ts'
import { shareLeft } from './subnet-share.ts'
import { seated } from './trial.ts'

export interface Range {
  readonly start: number
  readonly count: number
}

/** One executor of one host. */
export interface Candidate {
  readonly holder: Holder
  readonly executor: Executor
  /** 0: unknown. */
  readonly memoryBytes: number
}

/** Why a job had nothing for a host, the most telling first. */
export const MISMATCHES = [
  'lease_limit',
  'independence_unmet',
  'network_share_used',
  'job_on_trial',
  'kernel_not_compiling',
  'memory_too_small',
  'features_missing',
  'class_not_wanted',
  'no_matching_work',
  'no_work_available'
] as const satisfies readonly ReasonCode[]
export type Mismatch = (typeof MISMATCHES)[number]

export type Match =
  | { readonly kind: 'units'; readonly ranges: readonly Range[]; readonly looked: number }
  | { readonly kind: 'nothing'; readonly why: Mismatch; readonly looked: number }

const LACKING: Readonly<Record<Lack['what'], Mismatch>> = {
  feature: 'features_missing',
  limit: 'features_missing',
  class: 'class_not_wanted',
  memory: 'memory_too_small'
}

/** Leases that one answer carries. */
const RANGES_MAX = 64

export function candidatesOf(host: HostEntry): Candidate[] {
  return host.description.executors.map((executor) => candidateOf(host, executor))
}

export function candidateOf(host: HostEntry, executor: Executor): Candidate {
  const holder: Holder = { host: host.host, account: host.account, subnet: host.subnet, executor: executor.kind }
  return { holder, executor, memoryBytes: host.description.memoryBytes }
}

/** What keeps this host from the job, whatever is there to hand out; null when nothing does. */
export function mismatchOf(job: JobEntry, { holder, executor, memoryBytes }: Candidate): Mismatch | null {
  const { spec } = job.signed
  if (!kernelExecutors(spec.kernel).includes(holder.executor)) return 'no_matching_work'
  const lack = lackOf(demandOf(spec, holder.executor), executor, memoryBytes)
  if (lack !== null) return LACKING[lack.what]
  if (doesNotCompile(job, holder.host, classOf(executor.kind, executor.numericClass))) return 'kernel_not_compiling'
  if (isUnable(job, holder)) return 'no_matching_work'
  return null
}

export interface Want {
  readonly units: number
  /** Leases that the answer may hold; RANGES_MAX unless fewer. */
  readonly leases?: number
  /** Nobody else unless given. */
  readonly fleet?: Fleet
  /** Waiting units only when there are no others. */
  readonly unsentOnly?: boolean
  /** Uniform in [0, 1): which of the waiting units. */
  readonly random?: () => number
}

export function matchJob(job: JobEntry, candidate: Candidate, want: Want): Match {
  const { fleet = NOBODY_ELSE, random = () => 0 } = want
  const leases = Math.min(RANGES_MAX, want.leases ?? RANGES_MAX)
  const mismatch = mismatchOf(job, candidate)
  if (mismatch !== null) return { kind: 'nothing', why: mismatch, looked: 1 }
  if (seated(job)?.includes(candidate.holder.host) === false) return { kind: 'nothing', why: 'job_on_trial', looked: 1 }
  const units = Math.min(want.units, shareLeft(job, candidate.holder.subnet, fleet))
  if (units === 0) return { kind: 'nothing', why: 'network_share_used', looked: 1 }
  const { spec } = job.signed
  const unsent = spec.unitCount - job.cursor
  const unsentOnly = want.unsentOnly === true && unsent > 0
  const first = unsentOnly || random() < unsentFirst(job, units, fleet) ? Math.min(units, unsent) : 0
  const marks = marksOf(candidate.holder, spec.verification.independence)
  // One lease is left for unsent units, which are a single range.
  const runs = unsent > 0 && leases > 1 ? leases - 1 : leases
  const wanted = first === units || unsentOnly ? NOTHING : job.wanting.take({ marks, most: units - first, runs, units: job.units, random })
  const ranges = rangesOf(wanted.numbers)
  const more = ranges.length < leases ? Math.min(units - wanted.numbers.length, unsent) : 0
  if (more > 0) ranges.push({ start: job.cursor, count: more })
  const looked = 1 + wanted.looked
  if (ranges.length > 0) return { kind: 'units', ranges: joined(ranges), looked }
  return { kind: 'nothing', why: job.wanting.size > 0 ? 'independence_unmet' : 'no_work_available', looked }
}

const NOTHING = { numbers: [], looked: 0 }

/** Consecutive units become one lease. */
function rangesOf(numbers: number[]): Range[] {
  numbers.sort((a, b) => a - b)
  return joined(numbers.map((start) => ({ start, count: 1 })))
}

function joined(ranges: readonly Range[]): Range[] {
  const out: { start: number; count: number }[] = []
  for (const { start, count } of ranges) {
    const last = out.at(-1)
    if (last !== undefined && last.start + last.count === start && last.count + count <= LEASE_UNITS_MAX) last.count += count
    else out.push({ start, count })
  }
  return out
}

export interface Wish {
  /** Units of this job that the asker wants at most, and leases that it may be given. */
  readonly roomIn: (job: JobEntry) => Room
  /** Whether the asker holds what the job needs already. */
  readonly knows: (job: JobEntry) => boolean
  readonly fleet: Fleet
  readonly random: () => number
}

export type Found =
  | { readonly job: JobEntry; readonly ranges: readonly Range[]; readonly looked: number }
  | { readonly job: null; readonly why: Mismatch; readonly looked: number }

/** Jobs that one ask looks at in order; when none of them fits, as many again from anywhere, so that none is missed for ever. */
export const LOOKS_MAX = 128
/** Jobs of equal standing among which one that the host knows is preferred. */
const KNOWN_WINDOW = 8
/** Leases, over all jobs, after which a job that was passed over for one that the host knows is passed over no more. */
const PASSED_OVER_MAX = 64

/** The units that this host should compute next. */
export function findWork(state: CoordinatorState, candidate: Candidate, wish: Wish): Found {
  const { executor, holder, memoryBytes } = candidate
  const nothing = new Set<Mismatch>()
  const unsentOnly = !mayTakeWaiting(state, holder.host)
  let looked = 0
  const accepts = (demand: Demand): boolean => {
    looked++
    const lack = lackOf(demand, executor, memoryBytes)
    if (lack !== null) nothing.add(LACKING[lack.what])
    return lack === null
  }
  for (const from of [0, wish.random()]) {
    let jobs = 0
    for (const job of preferKnown(state.ready.offers(executor.kind, holder.host, accepts, from), wish.knows, state.turns)) {
      if (jobs++ === LOOKS_MAX) break
      const room = wish.roomIn(job)
      const match: Match = isFull(room)
        ? { kind: 'nothing', why: 'lease_limit', looked: 1 }
        : matchJob(job, candidate, { ...room, unsentOnly, fleet: wish.fleet, random: wish.random })
      looked += match.looked
      if (match.kind === 'units') return { job, ranges: match.ranges, looked }
      nothing.add(match.why)
    }
    if (jobs <= LOOKS_MAX) break
  }
  if (state.ready.onTrial(executor.kind)) nothing.add('job_on_trial')
  if (state.ready.forOthers(executor.kind)) nothing.add('no_matching_work')
  return { job: null, why: MISMATCHES.find((why) => nothing.has(why)) ?? 'no_work_available', looked }
}

/** Its order, except that the first job gives way to an equal one that the host knows, unless it has given way for long. */
function* preferKnown(offers: Generator<JobEntry>, knows: Wish['knows'], turn: number): Generator<JobEntry> {
  const first = offers.next()
  if (first.done === true) return
  const head = first.value
  if (knows(head) || turn - head.lastTurn >= PASSED_OVER_MAX) {
    yield head
  } else {
    const window = [head]
    for (let next = offers.next(); next.done !== true; next = offers.next()) {
      window.push(next.value)
      if (window.length === KNOWN_WINDOW || !equals(next.value, head) || knows(next.value)) break
    }
    const last = window.at(-1)
    if (last !== undefined && last !== head && equals(last, head) && knows(last)) window.unshift(...window.splice(-1))
    yield* window
  }
  yield* offers
}

function equals(a: JobEntry, b: JobEntry): boolean {
  return a.signed.author === b.signed.author && (a.signed.spec.priority ?? 0) === (b.signed.spec.priority ?? 0)
}
