/**
 * One executor at work. Two loops share the leases in hand: one asks for more before they run out, one runs them.
 *
 *   asking    while the manager accepts work and less than `prefetchSeconds` of it is held
 *   running   the oldest lease first, in ranges of about RANGE_SECONDS, so that a lost lease ends soon and a pause loses little
 *
 * `drop` aborts what runs of a lease at once. `lose` lets it end, because its results are still taken when nobody was faster,
 * and starts nothing more of it. A pause aborts it and keeps the lease; the units run again afterwards.
 */
import { LEASE_UNITS_MAX, unitValueBytes, type JobId, type JobSpec, type ReasonCode, type UnitFailure } from '@peercompute/job-specs'
import { backoffDelay, sleep, type Clock } from '@peercompute/p2p/time'
import { createGate, sleepUntilOpen } from '../gate.ts'
import type { JobCache } from '../jobs/job-cache.ts'
import { RECONNECT_BACKOFF } from '../reconnect-backoff.ts'
import type { WorkSession } from '../work/work-session.ts'
import type { ComputeWorker, PreparedJob, UnitOutcome } from './compute-worker.ts'
import { holdLease, leaseKey, takeRange, type HeldLease } from './held-lease.ts'
import { prefetchSeconds } from './prefetch.ts'
import { createUnitPace } from './unit-pace.ts'

const RANGE_SECONDS = 1
/** Two ranges overlap, so that no slot waits while the last units of one are computed. */
const RANGES_AT_ONCE = 2
/** Filled up to this many times the mark below which it asks, so that leases, and with them reports, are not of single units. */
const REFILL = 2
/** Before the first unit is measured: enough for every slot even when units are short, few enough to give back when they are long. */
const UNMEASURED_UNITS_A_SLOT = 16

export interface ExecutorLaneInit {
  readonly worker: ComputeWorker
  readonly jobs: JobCache
  readonly clock: Clock
  readonly random: () => number
  /** Each unit of a lease once, unless the lease ends early. `done`: the lease has no unit left. */
  readonly onOutcome: (held: HeldLease, outcome: UnitOutcome, done: boolean) => void
  /** A lease came, or left. */
  readonly onHeld: () => void
  readonly onChange: () => void
}

export interface ExecutorLane {
  readonly worker: ComputeWorker
  readonly held: ReadonlySet<HeldLease>
  /** Units that are being computed now, at most the executor's slots. */
  readonly busyUnits: number
  /** Job of the oldest running range. */
  readonly job: JobId | null
  readonly unitsDone: number
  /** Why it is not computing; null while it is, and while nobody has said. */
  readonly reason: ReasonCode | null
  setSession(session: WorkSession | null): void
  /** Whether more work is asked for, and whether what is held is run. */
  setMode(mode: { readonly asking: boolean; readonly running: boolean }): void
  nudge(): void
  drop(held: HeldLease): void
  lose(held: HeldLease): void
  stop(): Promise<void>
}

interface Run {
  readonly held: HeldLease
  readonly abort: AbortController
  readonly left: Set<number>
}

export function createExecutorLane(init: ExecutorLaneInit): ExecutorLane {
  const { worker, jobs, clock } = init
  const { executor } = worker
  const held = new Set<HeldLease>()
  const runs = new Set<Run>()
  const pace = createUnitPace()
  const stopped = new AbortController()
  const changed = createGate()
  const nudged = createGate()
  const rangesAtOnce = executor.slots > 1 ? RANGES_AT_ONCE : 1
  let nudges = 0
  let session: WorkSession | null = null
  let mode = { asking: false, running: false }
  let reason: ReasonCode | null = 'network_offline'
  let unitsDone = 0
  let lastRunEndedAt = 0

  const setReason = (next: ReasonCode | null) => {
    if (reason === next) return
    reason = next
    init.onChange()
  }
  const nudge = () => {
    nudges++
    nudged.open()
  }

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
    unitsDone++
    const done = lease.unfinished.size === 0
    if (done) held.delete(lease)
    init.onOutcome(lease, outcome, done)
    if (done) init.onHeld()
    changed.open()
  }
  const fail = (lease: HeldLease, units: Iterable<number>, failure: UnitFailure, message: string) => {
    for (const unit of [...units]) finish(lease, { unit, ok: false, reason: failure, message, computeMs: 0 })
  }

  /** Takes over what may be computed and gives the rest back. Returns how many leases were taken. */
  const accept = async (from: WorkSession, answer: Awaited<ReturnType<WorkSession['ask']>>): Promise<number> => {
    const forged = new Set<JobId>()
    for (const leased of answer.jobs) if (!(await jobs.admit(leased, from.operational))) forged.add(leased.job)
    const holding = new Set([...held].map(({ lease }) => leaseKey(lease)))
    let taken = 0
    for (const lease of answer.leases) {
      const spec = jobs.spec(lease.job)
      const known = spec === undefined ? forged.has(lease.job) : lease.start + lease.count <= spec.unitCount
      if (stopped.signal.aborted || !mode.asking || lease.executor !== executor.kind || !known || holding.has(leaseKey(lease))) {
        from.release(lease).catch(() => undefined)
        continue
      }
      const taking = holdLease(lease, clock.now())
      holding.add(leaseKey(lease))
      held.add(taking)
      taken++
      if (forged.has(lease.job)) fail(taking, taking.unfinished, 'bad_signature', 'The signatures of the job do not hold')
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
      const wanted = mode.asking && through !== null ? wish() : null
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

  const run = async ({ held: lease, abort, left }: Run, job: PreparedJob, start: number) => {
    const count = left.size
    const startedAt = clock.now()
    const expected = unitValueBytes(job.spec.outputs)
    const onOutcome = (outcome: UnitOutcome) => {
      if (abort.signal.aborted || !left.delete(outcome.unit)) return
      if (outcome.ok) pace.guess(job.id, outcome.computeMs / 1_000 / executor.slots)
      finish(lease, checkedSize(outcome, expected, job.spec))
    }
    try {
      await worker.run({ job, start, count }, { outcome: onOutcome }, abort.signal)
      fail(lease, left, 'runtime_error', 'The executor returned without an outcome for this unit')
      // Ranges that overlap share the slots: what lies between their ends is this one's time.
      pace.measure(job.id, (clock.now() - Math.max(startedAt, lastRunEndedAt)) / 1_000 / count)
      lastRunEndedAt = clock.now()
    } catch (error) {
      if (!abort.signal.aborted) fail(lease, left, 'runtime_error', error instanceof Error ? error.message : 'The executor failed')
    }
    for (const unit of left) lease.waiting.add(unit)
    if (lease.lost) forgetWaiting(lease)
  }

  const startRun = (lease: HeldLease, job: PreparedJob) => {
    const each = pace.of(job.id)
    const range = takeRange(lease, each === undefined ? executor.slots : Math.max(executor.slots, Math.ceil(RANGE_SECONDS / each)))
    if (range === null) return
    const left = new Set(Array.from({ length: range.count }, (_, index) => range.start + index))
    const started: Run = { held: lease, abort: new AbortController(), left }
    runs.add(started)
    reason = null
    init.onChange()
    void run(started, job, range.start).finally(() => {
      runs.delete(started)
      changed.open()
      init.onChange()
    })
  }

  const runLoop = async () => {
    let attempt = 0
    for (;;) {
      stopped.signal.throwIfAborted()
      const lease = mode.running && runs.size < rangesAtOnce ? [...held].find(({ waiting }) => waiting.size > 0) : undefined
      if (lease === undefined) {
        await changed.wait(stopped.signal)
        continue
      }
      try {
        const preparation = await jobs.prepare(lease.lease.job, executor.kind)
        attempt = 0
        if (!mode.running || !held.has(lease)) continue
        if (preparation.ok) startRun(lease, preparation.job)
        else fail(lease, lease.unfinished, preparation.reason, preparation.message)
      } catch {
        // Its bytes cannot be had for now. Others come first meanwhile; if it runs out, it is lost like any other.
        if (held.delete(lease)) held.add(lease)
        await sleep(clock, backoffDelay(RECONNECT_BACKOFF, attempt++, init.random), stopped.signal)
      }
    }
  }

  const remove = (lease: HeldLease) => {
    if (!held.delete(lease)) return
    init.onHeld()
    changed.open()
  }
  const forgetWaiting = (lease: HeldLease) => {
    for (const unit of lease.waiting) lease.unfinished.delete(unit)
    lease.waiting.clear()
    if (lease.unfinished.size === 0) remove(lease)
  }
  const abortRuns = (of?: HeldLease) => {
    for (const { held: lease, abort } of runs) if (of === undefined || lease === of) abort.abort()
  }

  const loops = [askLoop(), runLoop()]
  for (const loop of loops) loop.catch(() => undefined)

  return {
    worker,
    held,
    get busyUnits() {
      return Math.min(
        executor.slots,
        [...runs].reduce((sum, { left }) => sum + left.size, 0)
      )
    },
    get job() {
      return [...runs][0]?.held.lease.job ?? null
    },
    get unitsDone() {
      return unitsDone
    },
    get reason() {
      return runs.size === 0 ? reason : null
    },
    setSession(next) {
      session = next
      changed.open()
      nudge()
    },
    setMode(next) {
      mode = next
      if (!mode.running) abortRuns()
      changed.open()
      nudge()
    },
    nudge,
    drop(lease) {
      remove(lease)
      abortRuns(lease)
    },
    lose(lease) {
      lease.lost = true
      forgetWaiting(lease)
    },
    async stop() {
      stopped.abort()
      abortRuns()
      await Promise.allSettled(loops)
    }
  }
}

/** An executor that returns the wrong number of bytes has failed: the coordinator could not tell the outputs apart. */
function checkedSize(outcome: UnitOutcome, expected: number, spec: JobSpec): UnitOutcome {
  if (!outcome.ok || outcome.value.length === expected) return outcome
  const reason = outcome.value.length > spec.limits.outputBytes ? 'output_too_large' : 'output_shape'
  return {
    unit: outcome.unit,
    ok: false,
    reason,
    message: `${outcome.value.length} bytes came, declared are ${expected}`,
    computeMs: outcome.computeMs
  }
}
