/**
 * Runs the executors of this host: one lane each, one batcher and one sender for all. Keeps the leases alive while work on
 * them goes on, and lets go of them when it does not.
 *
 *   active      asks and runs
 *   paused      runs nothing; leases are kept for HOLD_MS, because most pauses are short, then given back. The graphics card may
 *               rest alone, and rests between two slices, so that it goes on with the unit where it was
 *   finishing   runs what is held, asks for no more, and is over when every result is answered
 *   stopped     gives back what is unfinished; results stay in the outbox
 */
import type { ExecutorKind, JobId, Lease, ReasonCode, ReportAnswer } from '@peercompute/job-specs'
import { sleep, type Clock } from '@peercompute/p2p/time'
import { createGate, sleepUntilOpen } from '../gate.ts'
import type { Identity } from '../identity/identity.ts'
import type { JobCache } from '../jobs/job-cache.ts'
import { createListeners } from '../listeners.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { createReportSender } from '../outbox/report-sender.ts'
import type { Governance } from '../governor/governance.ts'
import type { WorkSession } from '../work/work-session.ts'
import type { CheckpointPort } from './checkpoint-port.ts'
import { FULL_LENDING, type ComputeWorker } from './compute-worker.ts'
import { createExecutorLane, type ExecutorLane } from './executor-lane.ts'
import { leaseKey, renewLease } from './held-lease.ts'
import type { UnitInWork } from './lane-runs.ts'
import { createReportBatcher } from './report-batcher.ts'

export const HOLD_MS = 30_000
/** Leases that fall due together are renewed together. */
const RENEW_TOGETHER_MS = 2_000
const RENEW_MAX = 256
/** How long stopping waits for the last results and the returned leases. After it the outbox keeps the ones, and the others run out. */
const GOODBYE_MS = 2_000

export interface ComputeManagerInit {
  readonly workers: readonly ComputeWorker[]
  readonly identity: Identity
  readonly jobs: JobCache
  readonly outbox: Outbox
  readonly clock: Clock
  readonly random: () => number
  /** Where states of unfinished units are kept; without it each unit begins anew. */
  readonly checkpoints?: CheckpointPort
}

export interface ExecutorView {
  readonly kind: ExecutorKind
  readonly software: boolean
  readonly numericClass: string
  readonly slots: number
  readonly busyUnits: number
  readonly inWork: readonly UnitInWork[]
  readonly unitsDone: number
  readonly job: JobId | null
  readonly reason: ReasonCode | null
}

export interface UnitEvent {
  readonly job: JobId
  readonly unit: number
  readonly executor: ExecutorKind
  /** Null when the unit failed. */
  readonly value: Uint8Array | null
}

export interface ReportEvent {
  readonly job: JobId
  readonly answers: readonly { readonly unit: number; readonly answer: ReportAnswer }[]
}

export interface ComputeManager {
  /** Goes on with a lease that an earlier program of this host held; the next session claims it. Of an executor that is not here: nothing. */
  adopt(lease: Lease, unfinished: readonly number[]): void
  setSession(session: WorkSession | null): void
  nudge(): void
  /** The coordinator said that the job has ended; or, with `epoch`, that others were faster with that lease of it. */
  cancel(job: JobId, epoch?: number): void
  resume(): void
  pause(): void
  /** How much of the machine is lent from now on, and whether the graphics card rests. */
  govern(governance: Pick<Governance, 'gpuSuspended' | 'lending'>): void
  /** Computes what is held and delivers every result, then resolves. Rejects when the signal aborts. */
  finish(signal: AbortSignal): Promise<void>
  /** Gives everything back. Idempotent. */
  stop(): Promise<void>
  executors(): readonly ExecutorView[]
  readonly unitsDone: number
  /** Units by what the coordinator said of them. */
  readonly answers: ReadonlyMap<ReportAnswer, number>
  onUnit(listener: (event: UnitEvent) => void): () => void
  onReport(listener: (event: ReportEvent) => void): () => void
  onChange(listener: () => void): () => void
}

export function createComputeManager(init: ComputeManagerInit): ComputeManager {
  const { clock, outbox } = init
  const units = createListeners<UnitEvent>()
  const reports = createListeners<ReportEvent>()
  const changes = createListeners<undefined>()
  const answers = new Map<ReportAnswer, number>()
  const heldChanged = createGate()
  const stopped = new AbortController()
  const batcher = createReportBatcher({
    identity: init.identity,
    outbox,
    clock,
    onStored({ lease, saved, unfinished }, done) {
      for (const unit of done) if (saved.delete(unit)) init.checkpoints?.drop(lease.job, unit)
      if (unfinished.size === 0) init.checkpoints?.letGo(lease)
    }
  })
  let session: WorkSession | null = null
  let mode: 'active' | 'paused' | 'finishing' | 'stopped' = 'paused'
  let governance: Pick<Governance, 'gpuSuspended' | 'lending'> = { gpuSuspended: null, lending: FULL_LENDING }
  /** Lanes that rest and still hold leases, each until the signal aborts. */
  const holds = new Map<ExecutorLane, AbortController>()

  const emitChange = () => {
    changes.emit(undefined)
  }
  const sender = createReportSender({
    outbox,
    clock,
    random: init.random,
    onAnswers(item, said) {
      for (const { answer } of said) answers.set(answer, (answers.get(answer) ?? 0) + 1)
      reports.emit({ job: item.report.job, answers: said })
      emitChange()
    },
    onRefused(item) {
      const said = item.report.units.map(({ unit }) => ({ unit, answer: 'rejected' as const }))
      answers.set('rejected', (answers.get('rejected') ?? 0) + said.length)
      reports.emit({ job: item.report.job, answers: said })
      emitChange()
    }
  })
  const lanes: readonly ExecutorLane[] = init.workers.map((worker) =>
    createExecutorLane({
      worker,
      jobs: init.jobs,
      clock,
      random: init.random,
      checkpoints: init.checkpoints,
      onOutcome(held, outcome, done) {
        batcher.add(held, worker.executor, outcome, done)
        units.emit({ job: held.lease.job, unit: outcome.unit, executor: worker.executor.kind, value: outcome.ok ? outcome.value : null })
        emitChange()
      },
      onHeld() {
        heldChanged.open()
        emitChange()
      },
      onUnavailable() {
        void giveBack((lane) => lane.worker === worker).then((tell) => tell())
      },
      onChange: emitChange
    })
  )
  const allHeld = () => lanes.flatMap((lane) => [...lane.held].map((held) => ({ lane, held })))

  /** Takes from these lanes what they hold and puts what is computed into the outbox. The returned function tells the coordinator. */
  const giveBack = async (of: (lane: ExecutorLane) => boolean): Promise<() => Promise<unknown>> => {
    const given = allHeld().filter(({ lane }) => of(lane))
    for (const { lane, held } of given) lane.giveBack(held)
    await batcher.flush()
    const through = session
    return () => (through === null ? Promise.resolve() : Promise.allSettled(given.map(({ held }) => through.release(held.lease))))
  }

  const hold = (lane: ExecutorLane, resting: boolean) => {
    const holding = holds.get(lane)
    if (resting === (holding !== undefined)) return
    if (holding !== undefined) {
      holds.delete(lane)
      holding.abort()
      return
    }
    const over = new AbortController()
    holds.set(lane, over)
    sleep(clock, HOLD_MS, AbortSignal.any([over.signal, stopped.signal])).then(
      async () => (await giveBack((other) => other === lane))(),
      () => undefined
    )
  }

  const setLanes = () => {
    const { gpuSuspended, lending } = governance
    for (const lane of lanes) {
      const isGpu = lane.kind === 'webgpu'
      const why = isGpu ? gpuSuspended : null
      const resting = mode === 'paused' || why !== null
      lane.worker.lend(isGpu && resting ? { ...lending, gpuShare: 0 } : lending)
      lane.setMode({
        asking: mode === 'active' && !resting,
        running: mode === 'stopped' ? 'no' : !resting ? 'yes' : isGpu ? 'rest' : 'no',
        why
      })
      hold(lane, resting && mode !== 'stopped' && lane.held.size > 0)
    }
  }

  /** Waits for the task, but not for ever: a coordinator that is not there takes nothing. */
  const patiently = async (task: (signal: AbortSignal) => Promise<unknown>) => {
    const over = new AbortController()
    const tried = task(over.signal).catch(() => undefined)
    await Promise.race([tried, sleep(clock, GOODBYE_MS, over.signal)])
    over.abort()
  }

  /** Renews what falls due; what the coordinator no longer knows, or could not be asked about in time, is lost. */
  const renew = async (which: 'due' | 'all') => {
    const now = clock.now()
    for (const { lane, held } of allHeld()) if (held.deadline <= now && !held.lost) lane.lose(held)
    const due = allHeld()
      .filter(({ held }) => !held.lost && (which === 'all' || held.renewAt <= now + RENEW_TOGETHER_MS))
      .slice(0, RENEW_MAX)
    // Whatever comes of this attempt, the next one is not before a third of what is left.
    for (const { held } of due) held.renewAt = now + Math.max(RENEW_TOGETHER_MS + 1_000, (held.deadline - now) / 3)
    const through = session
    if (through === null || due.length === 0 || !through.capabilities.has('renew')) return
    const renewed = await through.renew(due.map(({ held }) => held.lease)).catch(() => null)
    if (renewed === null) return
    const durations = new Map(renewed.map((lease) => [leaseKey(lease), lease.durationMs]))
    for (const { lane, held } of due) {
      const durationMs = durations.get(leaseKey(held.lease)) ?? 0
      if (durationMs > 0) renewLease(held, durationMs, clock.now())
      else lane.lose(held)
    }
  }

  const renewLoop = async () => {
    for (;;) {
      stopped.signal.throwIfAborted()
      const next = Math.min(...allHeld().map(({ held }) => (held.lost ? Infinity : Math.min(held.renewAt, held.deadline))))
      if (next === Infinity) await heldChanged.wait(stopped.signal)
      else if (next > clock.now()) await sleepUntilOpen(clock, next - clock.now(), heldChanged, stopped.signal)
      else await renew('due')
    }
  }
  renewLoop().catch(() => undefined)

  return {
    adopt(lease, unfinished) {
      lanes.find((lane) => lane.kind === lease.executor)?.adopt(lease, unfinished)
      setLanes()
    },
    setSession(next) {
      session = next
      for (const lane of lanes) lane.setSession(next)
      sender.setSession(next)
      // A new session may have lost the old one's leases.
      if (next !== null) void renew('all')
      emitChange()
    },
    nudge: () => {
      for (const lane of lanes) lane.nudge()
    },
    cancel(job, epoch) {
      for (const { lane, held } of allHeld())
        if (held.lease.job === job && (epoch === undefined || held.lease.epoch === epoch)) lane.drop(held)
    },
    resume() {
      if (mode !== 'paused') return
      mode = 'active'
      setLanes()
    },
    pause() {
      if (mode !== 'active') return
      mode = 'paused'
      setLanes()
      void batcher.flush()
    },
    govern(next) {
      governance = next
      setLanes()
    },
    async finish(signal) {
      if (mode === 'stopped') return
      mode = 'finishing'
      setLanes()
      // what a resting card holds would not end
      const release = await giveBack((lane) => lane.kind === 'webgpu' && governance.gpuSuspended !== null)
      void release()
      while (allHeld().length > 0) await heldChanged.wait(signal)
      await batcher.flush()
      await sender.drained(signal)
    },
    async stop() {
      if (mode === 'stopped') return
      mode = 'stopped'
      setLanes()
      const release = await giveBack(() => true)
      await patiently(async (signal) => {
        await release()
        if (session !== null) await sender.drained(signal)
      })
      stopped.abort()
      sender.stop()
      await Promise.allSettled(lanes.map((lane) => lane.stop()))
      await Promise.allSettled(init.workers.map((worker) => worker.stop()))
    },
    executors: () => lanes.map(viewOf),
    get unitsDone() {
      return lanes.reduce((sum, lane) => sum + lane.unitsDone, 0)
    },
    answers,
    onUnit: units.on,
    onReport: reports.on,
    onChange: changes.on
  }
}

function viewOf(lane: ExecutorLane): ExecutorView {
  const { kind, software, numericClass, slots } = lane.worker.executor
  const { busyUnits, inWork, unitsDone, job, reason } = lane
  return { kind, software, numericClass, slots, busyUnits, inWork, unitsDone, job, reason }
}
