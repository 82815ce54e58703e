/** A page with the real sandbox and pool and nothing else: for attacks, resource bombs, pauses and rates. */
import type { RunEvents, UnitOutcome } from '../../compute/compute-worker.ts'
import { cpuTask, type CpuTask } from '../../compute/cpu/cpu-task.ts'
import { LanePool } from '../../compute/pool/lane-pool.ts'
import { runRange } from '../../compute/pool/run-range.ts'
import { preparedJob, type TestJob } from '../../compute/test-support/prepared-job.ts'
import { SandboxFrame } from '../sandbox-frame.ts'

const frame = new SandboxFrame({ url: new URL('/sandbox.html', location.href).href, document })

function poolOf(slots: number): LanePool<CpuTask> {
  return new LanePool<CpuTask>({
    slots,
    keep: false,
    loadMs: 30_000,
    open: ({ program }) => frame.channel('cpu', program.kind === 'js' ? program.script : '')
  })
}
const shared = poolOf(2)

export type FrameOutcome =
  { readonly unit: number; readonly value: number[] } | { readonly unit: number; readonly reason: string; readonly message: string }

/** A JavaScript job as JSON: the driver of the browser sends no byte arrays. */
export type FrameJob = Omit<TestJob, 'wasm' | 'inputs'>

/** How often each unit was taken up. */
const begun = new Map<number, number>()

/** As ComputeWorker runs it. `unitMs`: limit of a unit. Rejects when the signal aborts. */
async function compute(
  job: FrameJob,
  start: number,
  count: number,
  unitMs: number,
  pool: LanePool<CpuTask>,
  signal: AbortSignal
): Promise<UnitOutcome[]> {
  const prepared = preparedJob(job)
  const task = cpuTask(prepared, 'js')
  if ('reason' in task) throw new Error(task.message)
  const outcomes: UnitOutcome[] = []
  const events: RunEvents = {
    outcome: (outcome) => {
      outcomes.push(outcome)
    },
    began: (unit) => {
      begun.set(unit, (begun.get(unit) ?? 0) + 1)
    }
  }
  await runRange({ job: prepared, start, count }, task, pool, unitMs, events, signal)
  return outcomes
}

/** Outcomes by unit; values as u32 words. */
async function run(job: FrameJob, start: number, count: number, unitMs = 60_000): Promise<FrameOutcome[]> {
  const outcomes = await compute(job, start, count, unitMs, shared, new AbortController().signal)
  return outcomes
    .sort((a, b) => a.unit - b.unit)
    .map((outcome) =>
      outcome.ok
        ? { unit: outcome.unit, value: [...new Uint32Array(outcome.value.slice().buffer)] }
        : { unit: outcome.unit, reason: outcome.reason, message: outcome.message }
    )
}

const NOOP: FrameJob = { js: 'export default () => ({ value: new Uint32Array(1) })' }
/** Units of a lease range of a second at the rate that is asked for. */
const RANGE_UNITS = 2_000

/** Seconds for `units` units that do nothing, in ranges, each with fresh programs, two ranges at a time as ComputeManager runs them. */
async function noop(units: number, slots: number): Promise<number> {
  const pool = poolOf(slots)
  const { signal } = new AbortController()
  let next = 0
  let right = 0
  const ranges = async () => {
    while (next < units) {
      const start = next
      next += RANGE_UNITS
      const outcomes = await compute(NOOP, start, Math.min(RANGE_UNITS, units - start), 60_000, pool, signal)
      right += outcomes.filter(({ ok }) => ok).length
    }
  }
  const before = performance.now()
  await Promise.all([ranges(), ranges()])
  const seconds = (performance.now() - before) / 1_000
  if (right !== units) throw new Error(`${units - right} of ${units} units failed`)
  return seconds
}

let running = new AbortController()
/** Endless loops in `slots` programs; resolves when all loop. */
async function startLoops(slots: number): Promise<void> {
  const pool = poolOf(slots)
  running = new AbortController()
  const { signal } = running
  await Promise.all(
    Array.from({ length: slots }, (_, slot) => {
      const looping = Promise.withResolvers<undefined>()
      const prepared = preparedJob({
        js: `export default ({ unit }) => { while (unit === 1) {} return { value: new Uint32Array([${slot}]) } }`
      })
      const task = cpuTask(prepared, 'js')
      if ('reason' in task) throw new Error(task.message)
      const outcome = () => {
        looping.resolve(undefined)
      }
      runRange({ job: prepared, start: 0, count: 2 }, task, pool, 600_000, { outcome }, signal).catch(() => undefined)
      return looping.promise
    })
  )
}

const beats: number[] = []
setInterval(() => {
  beats.push(performance.now())
}, 50)
const longTasks: number[] = []
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longTasks.push(duration)
}).observe({ type: 'longtask' })

const frameBox = {
  run,
  noop,
  startLoops,
  timesBegun: (unit: number) => begun.get(unit) ?? 0,
  /** Aborts them, as a pause does. */
  stopLoops: () => {
    running.abort()
  },
  /** When the page's heartbeats of 50 ms came since `since`, a time of `performance.now()`. */
  beatsSince: (since: number) => beats.filter((beat) => beat >= since),
  /** Tasks of the main thread over 50 ms, in milliseconds. */
  longTasks: () => longTasks.splice(0)
}
export type FrameBox = typeof frameBox
Object.assign(globalThis, { frameBox })
