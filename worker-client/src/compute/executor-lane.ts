/**
 * One executor at work. Two loops share the leases in hand: one asks for more before they run out, one runs them.
 *
 *   asking    while the manager accepts work and less than `prefetchSeconds` of it is held
 *   running   the oldest lease first, in ranges of about RANGE_SECONDS, so that a lost lease ends soon and a pause loses little
 *
 * `drop` and `giveBack` abort what runs of a lease at once. `lose` lets it end, because its results are still taken when nobody was faster,
 * and starts nothing more of it. A pause aborts it, or lets it rest where the executor can, and keeps the lease.
 */
import { LEASE_UNITS_MAX, type ExecutorKind, type JobId, type Lease, type ReasonCode, type UnitFailure } from '@peercompute/job-specs'
import { backoffDelay, sleep, type Clock } from '@peercompute/p2p/time'
import { createGate, sleepUntilOpen } from '../gate.ts'
import type { JobCache } from '../jobs/job-cache.ts'
import { RECONNECT_BACKOFF } from '../reconnect-backoff.ts'
import type { WorkSession } from '../work/work-session.ts'
import type { CheckpointPort } from './checkpoint-port.ts'
import type { ComputeWorker, UnitOutcome } from './compute-worker.ts'
import { forgetWaiting, holdLease, leaseKey, type HeldLease } from './held-lease.ts'
import { createLaneRuns, type UnitInWork } from './lane-runs.ts'
import { prefetchSeconds } from './prefetch.ts'
import { createUnitPace } from './unit-pace.ts'

/** Filled up to this many times the mark below which it asks, so that leases, and with them reports, are not of single units. */
const REFILL = 2
/** Before the first unit is measured: enough for every slot even when units are short, few enough to give back when they are long. */
const UNMEASURED_UNITS_A_SLOT = 16

export interface ExecutorLaneInit {
  readonly worker: ComputeWorker
  readonly jobs: JobCache
  readonly clock: Clock
  readonly random: () => number
  readonly checkpoints: CheckpointPort | undefined
  /** Each unit of a lease once, unless the lease ends early. `done`: the lease has no unit left. */
  readonly onOutcome: (held: HeldLease, outcome: UnitOutcome, done: boolean) => void
  /** A lease came, or left. */
  readonly onHeld: () => void
  /** The executor is of no more use: whatever it still holds is for others. */
  readonly onUnavailable: () => void
  readonly onChange: () => void
}

export interface LaneMode {
  /** Whether more work is asked for. */
  readonly asking: boolean
  /** `rest`: nothing is started, and what runs stands still by itself, because nothing is lent to it. `no`: what runs is aborted. */
  readonly running: 'yes' | 'rest' | 'no'
  /** Why it rests, where that is this executor's own matter. */
  readonly why: ReasonCode | null
}

export interface ExecutorLane {
  readonly worker: ComputeWorker
  readonly kind: ExecutorKind
  readonly held: ReadonlySet<HeldLease>
  /** Units that are being computed now, at most the executor's slots. */
  readonly busyUnits: number
  /** Those of them that a program has taken up. */
  readonly inWork: readonly UnitInWork[]
  /** Job of the oldest running range. */
  readonly job: JobId | null
  readonly unitsDone: number
  /** Why it is not computing; null while it is, and while nobody has said. */
  readonly reason: ReasonCode | null
  setSession(session: WorkSession | null): void
  setMode(mode: LaneMode): void
  nudge(): void
  /** Nobody wants its results any more. */
  drop(held: HeldLease): void
  /** Its units are for others, or for this host another time: what was saved of them is kept. */
  giveBack(held: HeldLease): void
  lose(held: HeldLease): void
  /** Goes on with a lease that an earlier program of this host held. */
  adopt(lease: Lease, unfinished: readonly number[]): void
  stop(): Promise<void>
}

export function createExecutorLane(init: ExecutorLaneInit): ExecutorLane {
  const { worker, jobs, clock } = init
  const { executor } = worker
  const held = new Set<HeldLease>()
  const pace = createUnitPace(executor.slots)
  const stopped = new AbortController()
  const changed = createGate()
  const nudged = createGate()
  let nudges = 0
  let session: WorkSession | null = null
  let mode: LaneMode = { asking: false, running: 'no', why: null }
  let reason: ReasonCode | null = 'network_offline'
  let unavailable: ReasonCode | null = null
  let unitsDone = 0

  const setReason = (next: ReasonCode | null) => {
    if (reason === next) return
    reason = next
    init.onChange()
  }
  const nudge = () => {
    nudges++
    nudged.open()
  }
  const asks = () => mode.asking && worker.unavailable === null
  const starts = () => mode.running === 'yes' && worker.unavailable === null

  /** What to ask for now, or null when enough is held. */
  const wish = (): { units: number; seconds: number } | null => {
    let units = 0
    let seconds = 0
    let longest = 0
    for (const { lease, unfinished } of held) {
      const each = pace.of(lease.job) ?? modelledSeconds(lease.job)
      units += unfinished.size
      seconds += unfinished.size * each
      longest = Math.max(longest, each)
    }
    const wanted = prefetchSeconds({ roundTripMs: session?.roundTripMs ?? 0, unitSeconds: longest })
    if (units > 0 && (seconds >= wanted || units >= LEASE_UNITS_MAX)) return null
    const latest = pace.latest()
    if (latest === undefined) return units > 0 ? null : { units: executor.slots * UNMEASURED_UNITS_A_SLOT, seconds: wanted }
    const missing = REFILL * wanted - seconds
    return { units: Math.min(LEASE_UNITS_MAX, Math.max(1, Math.ceil(missing / latest))), seconds: missing }
  }
  const modelledSeconds = (job: JobId): number => {
    const spec = jobs.spec(job)
    return spec === undefined || executor.operationsPerSecond === 0 ? 1 : spec.unitOperations / executor.operationsPerSecond
  }

  const finish = (lease: HeldLease, outcome: UnitOutcome) => {
    if (!held.has(lease) || !lease.unfinished.delete(outcome.unit)) return
    lease.waiting.delete(outcome.unit)
    unitsDone++
    const done = lease.unfinished.size === 0
    if (done) held.delete(lease)
    init.onOutcome(lease, outcome, done)
    if (done) init.onHeld()
    changed.open()
  }
  const fail = (lease: HeldLease, failure: UnitFailure, message: string) => {
    for (const unit of [...lease.unfinished]) finish(lease, { unit, ok: false, reason: failure, message, computeMs: 0 })
  }
  const remove = (lease: HeldLease) => {
    if (!held.delete(lease)) return
    init.checkpoints?.letGo(lease.lease)
    init.onHeld()
    changed.open()
  }
  const dropStates = ({ lease, saved }: HeldLease) => {
    for (const unit of saved) init.checkpoints?.drop(lease.job, unit)
  }
  const forget = (lease: HeldLease) => {
    if (forgetWaiting(lease)) remove(lease)
  }

  const runs = createLaneRuns({
    worker,
    clock,
    pace,
    checkpoints: init.checkpoints,
    onOutcome: finish,
    onEnd(lease) {
      if (lease.lost) forget(lease)
      if (worker.unavailable !== null && unavailable === null) {
        unavailable = worker.unavailable
        runs.abort()
        init.onUnavailable()
      }
      changed.open()
      init.onChange()
    }
  })

  /** Takes over what may be computed and gives the rest back. Returns how many leases were taken. */
  const accept = async (from: WorkSession, answer: Awaited<ReturnType<WorkSession['ask']>>): Promise<number> => {
    const forged = new Set<JobId>()
    for (const leased of answer.jobs) if (!(await jobs.admit(leased, from.operational))) forged.add(leased.job)
    const holding = new Set([...held].map(({ lease }) => leaseKey(lease)))
    let taken = 0
    for (const lease of answer.leases) {
      const spec = jobs.spec(lease.job)
      const known = spec === undefined ? forged.has(lease.job) : lease.start + lease.count <= spec.unitCount
      if (stopped.signal.aborted || !asks() || lease.executor !== executor.kind || !known || holding.has(leaseKey(lease))) {
        from.release(lease).catch(() => undefined)
        continue
      }
      const taking = holdLease(lease, clock.now())
      holding.add(leaseKey(lease))
      held.add(taking)
      taken++
      if (forged.has(lease.job)) fail(taking, 'bad_signature', 'The signatures of the job do not hold')
      else jobs.prepare(lease.job, executor.kind).catch(() => undefined)
    }
    if (taken > 0) init.onHeld()
    changed.open()
    return taken
  }

  const askLoop = async () => {
    let attempt = 0
    for (;;) {
      stopped.signal.throwIfAborted()
      const through = session
      const wanted = asks() && through !== null ? wish() : null
      if (through === null || wanted === null) {
        if (through === null) setReason('network_offline')
        await changed.wait(stopped.signal)
        continue
      }
      // A nudge that overtakes the answer must not be slept through.
      const nudgesBefore = nudges
      let restMs: number
      try {
        const answer = await through.ask({ executor: executor.kind, ...wanted, knownJobs: jobs.known() })
        if ((await accept(through, answer)) > 0) {
          attempt = 0
          continue
        }
        if (answer.leases.length === 0) attempt = 0
        if (held.size === 0) setReason(answer.why ?? 'no_work_available')
        // What it offers and this host does not take, it would offer again at once.
        restMs = answer.leases.length > 0 ? backoffDelay(RECONNECT_BACKOFF, attempt++, init.random) : answer.retryAfterMs
      } catch {
        restMs = backoffDelay(RECONNECT_BACKOFF, attempt++, init.random)
      }
      if (nudges === nudgesBefore) await sleepUntilOpen(clock, restMs, nudged, stopped.signal)
    }
  }

  const runLoop = async () => {
    let attempt = 0
    for (;;) {
      stopped.signal.throwIfAborted()
      const lease = starts() && runs.hasRoom ? [...held].find(({ waiting }) => waiting.size > 0) : undefined
      if (lease === undefined) {
        await changed.wait(stopped.signal)
        continue
      }
      try {
        const preparation = await jobs.prepare(lease.lease.job, executor.kind)
        attempt = 0
        if (!starts() || !held.has(lease)) continue
        if (!preparation.ok) fail(lease, preparation.reason, preparation.message)
        else if (runs.start(lease, preparation.job)) {
          reason = null
          init.onChange()
        }
      } catch {
        // Its bytes cannot be had for now. Others come first meanwhile; if it runs out, it is lost like any other.
        if (held.delete(lease)) held.add(lease)
        await sleep(clock, backoffDelay(RECONNECT_BACKOFF, attempt++, init.random), stopped.signal)
      }
    }
  }

  const loops = [askLoop(), runLoop()]
  for (const loop of loops) loop.catch(() => undefined)

  return {
    worker,
    kind: executor.kind,
    held,
    get busyUnits() {
      return starts() ? Math.min(executor.slots, runs.unitsLeft) : 0
    },
    get inWork() {
      return runs.inWork()
    },
    get job() {
      return runs.job
    },
    get unitsDone() {
      return unitsDone
    },
    get reason() {
      return unavailable ?? mode.why ?? (runs.job === null ? reason : null)
    },
    setSession(next) {
      session = next
      changed.open()
      nudge()
    },
    setMode(next) {
      if (mode.running === 'rest' && next.running === 'yes') pace.begin(clock.now())
      mode = next
      if (mode.running === 'no') runs.abort()
      changed.open()
      nudge()
    },
    nudge,
    drop(lease) {
      remove(lease)
      runs.abort(lease)
      dropStates(lease)
    },
    giveBack(lease) {
      remove(lease)
      runs.abort(lease)
    },
    lose(lease) {
      lease.lost = true
      runs.abort(lease, 'not begun')
      forget(lease)
    },
    adopt(lease, unfinished) {
      const taking = holdLease(lease, clock.now())
      const left = new Set(unfinished)
      for (const unit of [...taking.unfinished]) if (!left.has(unit)) taking.unfinished.delete(unit)
      for (const unit of [...taking.waiting]) if (!left.has(unit)) taking.waiting.delete(unit)
      held.add(taking)
      init.onHeld()
      changed.open()
    },
    async stop() {
      stopped.abort()
      runs.abort()
      await Promise.allSettled(loops)
    }
  }
}
