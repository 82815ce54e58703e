/**
 * The ranges of one executor that are running. Each unit in them ends as an outcome, or waits again when its range was aborted or
 * when it failed for a reason that is not its own.
 */
import { CHECKPOINT_EVERY_MS, unitValueBytes, type ContentHash, type JobId, type JobSpec } from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import type { CheckpointPort } from './checkpoint-port.ts'
import type { ComputeWorker, PreparedJob, UnitOutcome } from './compute-worker.ts'
import { takeRange, type HeldLease } from './held-lease.ts'
import type { UnitPace } from './unit-pace.ts'

const RANGE_SECONDS = 1
/** Two ranges overlap, so that no slot waits while the last units of one are computed or the programs of the next are loaded. */
const RANGES_AT_ONCE = 2
/** Times that a unit is tried again here after a failure that is not its own. */
const TRIES_AGAIN = 2

export interface UnitInWork {
  readonly job: JobId
  readonly unit: number
  /** Finished part, 0 to 1; null where the program tells nothing. */
  readonly fraction: number | null
}

export interface LaneRunsInit {
  readonly worker: ComputeWorker
  readonly clock: Clock
  readonly pace: UnitPace
  readonly checkpoints: CheckpointPort | undefined
  readonly onOutcome: (held: HeldLease, outcome: UnitOutcome) => void
  readonly onEnd: (held: HeldLease) => void
}

export interface LaneRuns {
  /** Whether another range may be started. */
  readonly hasRoom: boolean
  readonly unitsLeft: number
  /** Job of the oldest range. */
  readonly job: JobId | null
  inWork(): UnitInWork[]
  /** False when no unit of the lease waits. */
  start(held: HeldLease, job: PreparedJob): boolean
  /** Stops the ranges of this lease, or all; or only those of which no program has taken up a unit. */
  abort(held?: HeldLease, which?: 'not begun'): void
}

interface Run {
  readonly held: HeldLease
  readonly abort: AbortController
  readonly left: Set<number>
  /** Units that a program has taken up, with what it told of them. */
  readonly inWork: Map<number, number | null>
  begun: boolean
}

export function createLaneRuns({ worker, clock, pace, checkpoints, onOutcome, onEnd }: LaneRunsInit): LaneRuns {
  const { slots, kind } = worker.executor
  const runs = new Set<Run>()
  const unitsLeft = () => {
    let units = 0
    for (const { left } of runs) units += left.size
    return units
  }

  /** A unit that takes less than this has saved nothing. */
  const mayHaveState = ({ lease, saved }: HeldLease, unit: number): boolean => {
    const each = pace.of(lease.job)
    return saved.has(unit) || lease.checkpoint !== undefined || each === undefined || each * slots * 1_000 >= CHECKPOINT_EVERY_MS
  }

  /** The state of the range's first unit. Where another one has a state, the range ends before it, and that one begins the next. */
  const resumeFrom = async ({ held, left, abort }: Run, job: PreparedJob): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    if (checkpoints === undefined) return undefined
    const units = [...left].filter((unit) => mayHaveState(held, unit))
    const foreign = held.lease.checkpoint as ContentHash | undefined
    const states = await Promise.all(units.map((unit) => checkpoints.load(job, unit, kind, foreign).catch(() => null)))
    const [first] = left
    let resume: Uint8Array<ArrayBuffer> | undefined
    for (const [index, unit] of units.entries()) {
      const state = states[index]
      if (state === null || state === undefined) continue
      held.saved.add(unit)
      if (unit === first) {
        resume = state
      } else if (!abort.signal.aborted) {
        for (const later of [...left]) {
          if (later < unit) continue
          left.delete(later)
          held.waiting.add(later)
        }
        break
      }
    }
    return resume
  }

  /** Whether the failure is the executor's, and the unit is to be tried again. */
  const triesAgain = ({ tries }: HeldLease, outcome: UnitOutcome): boolean => {
    if (outcome.ok || outcome.reason !== 'device_lost' || worker.unavailable !== null) return false
    const { count, first } = tries.get(outcome.unit) ?? { count: 0, first: outcome.message }
    tries.set(outcome.unit, { count: count + 1, first })
    return count < TRIES_AGAIN
  }

  const take = ({ held, left, abort, inWork }: Run, job: PreparedJob, outcome: UnitOutcome) => {
    if (abort.signal.aborted || !left.delete(outcome.unit)) return
    inWork.delete(outcome.unit)
    if (triesAgain(held, outcome)) {
      held.waiting.add(outcome.unit)
      return
    }
    pace.count(job.id, outcome.computeMs, clock.now())
    onOutcome(held, withTries(held, checkedSize(outcome, job.spec)))
    // the rest of the range would fail alike, although it has done nothing wrong
    if (worker.unavailable !== null) abort.abort()
  }

  const failRest = (run: Run, job: PreparedJob, message: string) => {
    for (const unit of [...run.left]) take(run, job, { unit, ok: false, reason: 'runtime_error', message, computeMs: 0 })
  }

  const work = async (run: Run, job: PreparedJob) => {
    const { held, left, abort, inWork } = run
    const [start = 0] = left
    try {
      const resume = await resumeFrom(run, job)
      abort.signal.throwIfAborted()
      await worker.run(
        { job, start, count: left.size, ...(resume === undefined ? {} : { resume }) },
        {
          outcome: (outcome) => {
            take(run, job, outcome)
          },
          began: (unit) => {
            run.begun = true
            if (left.has(unit)) inWork.set(unit, null)
          },
          progress: (unit, fraction) => {
            if (left.has(unit)) inWork.set(unit, fraction)
          },
          saved: (unit, state) => {
            if (abort.signal.aborted || !left.has(unit) || checkpoints === undefined) return
            held.saved.add(unit)
            checkpoints.save(job, unit, kind, state, held)
          }
        },
        abort.signal
      )
      // An executor that became unavailable gives units back, which is no failure of theirs.
      if (worker.unavailable === null) failRest(run, job, 'The executor returned without an outcome for this unit')
    } catch (error) {
      failRest(run, job, error instanceof Error ? error.message : 'The executor failed')
    }
    runs.delete(run)
    for (const unit of left) if (held.unfinished.has(unit)) held.waiting.add(unit)
    onEnd(held)
  }

  return {
    get hasRoom() {
      return runs.size < RANGES_AT_ONCE || unitsLeft() < slots
    },
    get unitsLeft() {
      return unitsLeft()
    },
    get job() {
      return [...runs][0]?.held.lease.job ?? null
    },
    inWork: () => [...runs].flatMap(({ held, inWork }) => [...inWork].map(([unit, fraction]) => ({ job: held.lease.job, unit, fraction }))),
    start(held, job) {
      const each = pace.of(job.id)
      const range = takeRange(held, each === undefined ? slots : Math.max(slots, Math.ceil(RANGE_SECONDS / each)))
      if (range === null) return false
      const run: Run = {
        held,
        abort: new AbortController(),
        left: new Set(Array.from({ length: range.count }, (_, index) => range.start + index)),
        inWork: new Map(),
        begun: false
      }
      if (runs.size === 0) pace.begin(clock.now())
      runs.add(run)
      void work(run, job)
      return true
    },
    abort(of, which) {
      for (const run of runs) if ((of === undefined || run.held === of) && !(which === 'not begun' && run.begun)) run.abort.abort()
    }
  }
}

/** An executor that returns the wrong number of bytes has failed: the coordinator could not tell the outputs apart. */
function checkedSize(outcome: UnitOutcome, spec: JobSpec): UnitOutcome {
  const expected = unitValueBytes(spec.outputs)
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

/** Tells the researcher that a failure is the last of several. */
function withTries({ tries }: HeldLease, outcome: UnitOutcome): UnitOutcome {
  const tried = tries.get(outcome.unit)
  if (outcome.ok || tried === undefined) return outcome
  return { ...outcome, message: `${outcome.message} (tried ${tried.count} times on this host, first: ${tried.first})` }
}
