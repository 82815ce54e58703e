/**
 * The jobs that have units to hand out, in the order in which they are served, by what they need of a host.
 *
 * Between researchers: start-time fair queueing for each kind of executor. A researcher's clock advances by the operations that are
 * handed out; whoever is furthest behind is next. One who begins, or comes back, starts at the common clock: neither a backlog of
 * turns nor a debt is carried through an absence. Of a researcher: by priority, then by turns.
 */
import { kernelExecutors, type AuthorId, type ExecutorKind, type HostId } from '@peercompute/job-specs'
import { demandOf, type Demand } from './demand.ts'
import { SortedList } from './sorted-list.ts'
import type { JobEntry, JobQueue, Lane, Share } from './job.ts'

/** Leases with which a researcher whose jobs nobody could take for a while may catch up at a stretch. */
const CATCH_UP_LEASES = 64
/** Clocks begin again from here, while a single operation still counts in a double. */
const CLOCK_MAX = 2 ** 60

interface Pool {
  clock: number
  readonly shares: Map<AuthorId, Share>
  readonly open: Map<string, Lane>
  readonly seats: Map<HostId, Lane>
}

/** `seats`: the hosts that alone may go on with the job; null when everybody may. */
export interface Standing {
  readonly seats: readonly HostId[] | null
}

export class ReadyJobs {
  readonly #pools = new Map<ExecutorKind, Pool>()

  /** Puts the job where it belongs now. `standing` null: it has nothing to hand out. */
  put(job: JobEntry, standing: Standing | null): void {
    const signature = standing === null ? '' : standing.seats === null ? 'open' : `seats ${[...standing.seats].sort().join(' ')}`
    if ((job.place?.signature ?? '') === signature) return
    const before = job.place
    const queues = standing === null ? [] : kernelExecutors(job.signed.spec.kernel).flatMap((kind) => this.#queuesFor(job, kind, standing))
    for (const queue of queues) if (before?.queues.includes(queue) !== true) queue.jobs.add(job)
    job.place = standing === null ? null : { signature, queues }
    for (const queue of before?.queues ?? []) {
      if (queues.includes(queue)) continue
      queue.jobs.delete(job)
      if (queue.jobs.size === 0) this.#drop(queue)
    }
  }

  /** A lease worth so many operations was given from this job: it is the last in the next turn, and its researcher has had so much. */
  served(job: JobEntry, kind: ExecutorKind, operations: number, turn: number): void {
    const pool = this.#pool(kind)
    const share = shareOf(pool, job.signed.author)
    const start = Math.max(share.clock, pool.clock - CATCH_UP_LEASES * operations)
    pool.clock = Math.max(pool.clock, start)
    for (const queue of share.queues) queue.lane.queues.delete(queue)
    share.clock = start + operations
    for (const queue of share.queues) queue.lane.queues.add(queue)
    const queues = job.place?.queues ?? []
    for (const { jobs } of queues) jobs.delete(job)
    job.lastTurn = turn
    for (const { jobs } of queues) jobs.add(job)
    if (pool.clock > CLOCK_MAX) restart(pool)
  }

  /** Whether jobs with work are kept for the few hosts that try them. */
  onTrial(kind: ExecutorKind): boolean {
    return (this.#pools.get(kind)?.seats.size ?? 0) > 0
  }

  /** Whether there is work for other kinds of executors. */
  forOthers(kind: ExecutorKind): boolean {
    for (const [other, pool] of this.#pools) if (other !== kind && pool.open.size + pool.seats.size > 0) return true
    return false
  }

  /** In the order in which they are to be served. `from` in [0, 1): at which part of each lane to begin. */
  *offers(kind: ExecutorKind, host: HostId, accepts: (demand: Demand) => boolean, from = 0): Generator<JobEntry> {
    const pool = this.#pools.get(kind)
    if (pool === undefined) return
    const own = pool.seats.get(host)
    const cursors = own === undefined ? [] : [new Cursor(own, from)]
    for (const lane of pool.open.values()) if (lane.demand === null || accepts(lane.demand)) cursors.push(new Cursor(lane, from))
    for (;;) {
      let best: Cursor | null = null
      for (const cursor of cursors) if (cursor.job !== undefined && (best === null || best.isAfter(cursor))) best = cursor
      if (best?.job === undefined) return
      yield best.job
      best.advance()
    }
  }

  /** Which jobs stand where: for comparing with an index that was built anew. */
  describe(): readonly string[] {
    const out: string[] = []
    for (const pool of this.#pools.values())
      for (const lane of [...pool.open.values(), ...pool.seats.values()])
        for (let i = 0, queue = lane.queues.at(0); queue !== undefined; queue = lane.queues.at(++i))
          for (let j = 0, job = queue.jobs.at(0); job !== undefined; job = queue.jobs.at(++j))
            out.push(`${lane.kind} ${lane.key} ${job.id}`)
    return out.sort()
  }

  #pool(kind: ExecutorKind): Pool {
    const known = this.#pools.get(kind)
    if (known !== undefined) return known
    const pool: Pool = { clock: 0, shares: new Map(), open: new Map(), seats: new Map() }
    this.#pools.set(kind, pool)
    return pool
  }

  #queuesFor(job: JobEntry, kind: ExecutorKind, { seats }: Standing): JobQueue[] {
    const pool = this.#pool(kind)
    if (seats !== null) return seats.map((host) => queueIn(pool, laneIn(pool.seats, host, kind, null), job))
    const demand = demandOf(job.signed.spec, kind)
    return [queueIn(pool, laneIn(pool.open, demand.key, kind, demand), job)]
  }

  #drop(queue: JobQueue): void {
    const { lane, share } = queue
    const pool = this.#pool(lane.kind)
    lane.queues.delete(queue)
    lane.byAuthor.delete(share.author)
    share.queues.delete(queue)
    if (share.queues.size === 0 && share.clock <= pool.clock) pool.shares.delete(share.author)
    if (lane.queues.size > 0) return
    if (lane.demand === null) pool.seats.delete(lane.key as HostId)
    else pool.open.delete(lane.key)
  }
}

/** A way through one lane. */
class Cursor {
  readonly #lane: Lane
  #queue: number
  #job = 0
  job: JobEntry | undefined

  constructor(lane: Lane, from: number) {
    this.#lane = lane
    this.#queue = Math.floor(from * lane.queues.size)
    this.#job = Math.floor(from * (lane.queues.at(this.#queue)?.jobs.size ?? 0))
    this.job = lane.queues.at(this.#queue)?.jobs.at(this.#job)
  }

  advance(): void {
    this.job = this.#lane.queues.at(this.#queue)?.jobs.at(++this.#job)
    if (this.job !== undefined) return
    this.#job = 0
    this.job = this.#lane.queues.at(++this.#queue)?.jobs.at(0)
  }

  isAfter(other: Cursor): boolean {
    const [mine, its] = [this.#lane.queues.at(this.#queue), other.#lane.queues.at(other.#queue)]
    if (mine === undefined || its === undefined || this.job === undefined || other.job === undefined) return false
    return mine.share === its.share ? byTurn(this.job, other.job) > 0 : byClock(mine, its) > 0
  }
}

function byTurn(a: JobEntry, b: JobEntry): number {
  const priority = (b.signed.spec.priority ?? 0) - (a.signed.spec.priority ?? 0)
  return priority !== 0 ? priority : a.lastTurn !== b.lastTurn ? a.lastTurn - b.lastTurn : compareIds(a.id, b.id)
}

function byClock(a: JobQueue, b: JobQueue): number {
  return a.share.clock !== b.share.clock ? a.share.clock - b.share.clock : compareIds(a.share.author, b.share.author)
}

function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function shareOf(pool: Pool, author: AuthorId): Share {
  const known = pool.shares.get(author)
  if (known !== undefined) return known
  const share: Share = { author, clock: pool.clock, queues: new Set() }
  pool.shares.set(author, share)
  return share
}

function laneIn<Key extends string>(lanes: Map<Key, Lane>, key: Key, kind: ExecutorKind, demand: Demand | null): Lane {
  const known = lanes.get(key)
  if (known !== undefined) return known
  const lane: Lane = { key, kind, demand, queues: new SortedList(byClock), byAuthor: new Map() }
  lanes.set(key, lane)
  return lane
}

function queueIn(pool: Pool, lane: Lane, job: JobEntry): JobQueue {
  const known = lane.byAuthor.get(job.signed.author)
  if (known !== undefined) return known
  const share = shareOf(pool, job.signed.author)
  if (share.queues.size === 0) share.clock = Math.max(share.clock, pool.clock)
  const queue: JobQueue = { lane, share, jobs: new SortedList(byTurn) }
  lane.byAuthor.set(share.author, queue)
  share.queues.add(queue)
  lane.queues.add(queue)
  return queue
}

/** Only differences count. */
function restart(pool: Pool): void {
  for (const share of pool.shares.values()) share.clock -= pool.clock
  pool.clock = 0
}
