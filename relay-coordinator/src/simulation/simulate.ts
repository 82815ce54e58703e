/** Runs the coordinator's core with a fleet that has liars in it, under virtual time. The same options give the same report. */
import { runInRandomOrder } from './in-random-order.ts'
import { runOnTimeline } from './on-a-timeline.ts'
import type { SimulatedGroup } from './simulated-group.ts'
import { SimulationRun, type SimulationOptions } from './simulation-run.ts'

export interface SimulationReport {
  readonly units: number
  readonly settled: number
  /** Units that were given up without an answer. */
  readonly inconclusive: number
  /** Units on which nobody could go on. */
  readonly unfinished: number
  /** All that was computed and reported: also what the check refused, what came too late, and votes that a reopening has forgotten. */
  readonly executions: number
  readonly executionsPerUnit: number
  /** Settled units that are wrong. */
  readonly wrong: number
  /** Their share of the settled units. */
  readonly error: number
  /** By what the hosts really were. */
  readonly bans: Readonly<Record<SimulatedGroup['kind'], number>>
  readonly reopened: { readonly doubted: number; readonly banned: number }
  /** Comparisons of a host with others that counted for or against it. */
  readonly checks: number
  /** What the coordinator thought of its fleet: the share of suspects, each time when a tenth as many executions as units had come. */
  readonly suspects: readonly number[]
  /** What does not fit together in the books; null when all does. */
  readonly problem: string | null
}

export function simulate(options: SimulationOptions): SimulationReport {
  const run = new SimulationRun(options)
  if (options.time === 'timeline') runOnTimeline(run)
  else runInRandomOrder(run)
  const { engine, entry, executions } = run
  const { wrong, size } = engine.books
  return {
    units: options.units,
    settled: size,
    inconclusive: entry.errored.size,
    unfinished: options.units - size - entry.errored.size,
    executions,
    executionsPerUnit: executions / options.units,
    wrong,
    error: size === 0 ? 0 : wrong / size,
    bans: { ...run.bans },
    reopened: { ...engine.reopened },
    checks: [...engine.state.trust.reputations.values()].reduce((sum, { checks }) => sum + checks, 0),
    suspects: run.suspects,
    problem: engine.books.problem(engine.state, entry)
  }
}
