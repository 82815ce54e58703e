/** The programs of one executor: at most `slots` at work, each loaded with one job. */
import { FULL_LENDING, type Lending } from '../compute-worker.ts'
import { SlotBudget } from './slot-budget.ts'
import type { Refusal, UnitChannel } from './unit-protocol.ts'
import { UnitLane } from './unit-lane.ts'

/** What a program needs to know of a job. `job` is its id: the same id means the same task. */
export interface LaneTask {
  readonly job: string
}

interface Options<Task extends LaneTask> {
  /** How many, or a budget that is shared with other pools: who has work takes what the others leave. */
  readonly slots: number | SlotBudget
  readonly open: (task: Task) => UnitChannel<Task>
  /** Keep programs for good, even for another job. Only for programs that jobs cannot change. */
  readonly keep: boolean
  /** How long a program may take until it is loaded (start of the worker, compiler, device). */
  readonly loadMs: number
  /** The share of the time that a program may use of what is lent; its time limits are stretched by it. By default all. */
  readonly share?: (lending: Lending) => number
  /** The programs tell progress while they are alive: a unit's limit counts from their last word, and this is told when one was silent. */
  readonly onSilent?: () => void
}

interface Use {
  readonly job: string
  readonly busy: boolean
  /** When it was first used for the job. */
  readonly since: number
}

export type LaneLoad<Task extends LaneTask> = { readonly lane: UnitLane<Task> } | { readonly refusal: Refusal }

/** A program that is not kept serves one job for about so long, whatever ranges that are: jobs never meet, and nothing lives for long. */
const FRESH_MS = 1_000
/** A program that vanished this often while it loaded is given up. */
const LOAD_TRIES = 2

export class LanePool<Task extends LaneTask> {
  readonly budget: SlotBudget
  /** For units that are suspected of ending programs: one of them at a time, so that it is seen which one does. */
  readonly suspects = new SlotBudget(1)
  /** Whether the next range should have its programs loaded while the one before still runs. Those that are kept need no loading. */
  readonly loadsAhead: boolean
  readonly #options: Options<Task>
  readonly #open = new Map<UnitLane<Task>, Use>()
  #lending: Lending = FULL_LENDING

  constructor(options: Options<Task>) {
    this.#options = options
    this.budget = typeof options.slots === 'number' ? new SlotBudget(options.slots) : options.slots
    this.loadsAhead = !options.keep
  }

  /** A program loaded with the task, or why the job cannot run here. An abort ends the wait with a refusal. */
  async load(task: Task, signal: AbortSignal): Promise<LaneLoad<Task>> {
    for (let tries = 1; ; tries++) {
      const lane = this.#idle(task.job) ?? new UnitLane(this.#options.open(task), this.#options.share, this.#options.onSilent)
      const before = this.#open.get(lane)
      if (before?.job === task.job) {
        this.#open.set(lane, { ...before, busy: true })
        return { lane }
      }
      this.#open.set(lane, { job: task.job, busy: true, since: Infinity })
      const stop = () => {
        lane.close()
      }
      signal.addEventListener('abort', stop)
      const loaded = await lane.load(task, this.#options.loadMs)
      signal.removeEventListener('abort', stop)
      if (loaded.end === 'loaded') {
        lane.lend(this.#lending)
        return { lane }
      }
      this.release(lane, false)
      if (loaded.end === 'refused') return { refusal: loaded.refusal }
      if (signal.aborted || tries === LOAD_TRIES) {
        return { refusal: { reason: 'runtime_error', message: `The program ended before it started: ${loaded.message}` } }
      }
    }
  }

  /** The program goes to work. */
  began(lane: UnitLane<Task>): void {
    const use = this.#open.get(lane)
    if (use !== undefined && use.since === Infinity) this.#open.set(lane, { ...use, since: performance.now() })
  }

  /** Ends the use of a program. `healthy` says that it may be used again. */
  release(lane: UnitLane<Task>, healthy: boolean): void {
    const use = this.#open.get(lane)
    if (!healthy || lane.closed || use === undefined) {
      this.#close(lane)
      return
    }
    const idle: Use = { ...use, busy: false }
    this.#open.set(lane, idle)
    if (this.#options.keep) return
    const age = Math.max(0, performance.now() - use.since)
    if (age >= FRESH_MS) {
      this.#close(lane)
      return
    }
    setTimeout(() => {
      if (this.#open.get(lane) === idle) this.#close(lane)
    }, FRESH_MS - age)
  }

  /** Holds for the programs that are open and for those that will be. */
  lend(lending: Lending): void {
    this.#lending = lending
    this.budget.resize(lending.cpuSlots)
    for (const lane of this.#open.keys()) lane.lend(lending)
  }

  close(): void {
    for (const lane of [...this.#open.keys()]) lane.close()
    this.#open.clear()
  }

  #close(lane: UnitLane<Task>): void {
    this.#open.delete(lane)
    lane.close()
  }

  #idle(job: string): UnitLane<Task> | undefined {
    const idle = [...this.#open].filter(([lane, use]) => !use.busy && !lane.closed)
    const same = idle.find(([, use]) => use.job === job)
    return (same ?? (this.#options.keep ? idle[0] : undefined))?.[0]
  }
}
