/** The programs of one executor: at most `slots` at work, each loaded with one job. */
import { FULL_LENDING, type Lending } from '../compute-worker.ts'
import type { Refusal, UnitChannel } from './unit-protocol.ts'
import { UnitLane } from './unit-lane.ts'

/** What a program needs to know of a job. `job` is its id: the same id means the same task. */
export interface LaneTask {
  readonly job: string
}

interface Options<Task extends LaneTask> {
  readonly slots: number
  readonly open: (task: Task) => UnitChannel<Task>
  /** Keep programs for the next range, even of another job. Only for programs that jobs cannot change. */
  readonly keep: boolean
  /** How long a program may take until it is loaded (start of the worker, compiler, device). */
  readonly loadMs: number
}

export type LaneLoad<Task extends LaneTask> = { readonly lane: UnitLane<Task> } | { readonly refusal: Refusal }

/** A program that vanished this often while it loaded is given up. */
const LOAD_TRIES = 2

export class LanePool<Task extends LaneTask> {
  readonly slots: number
  readonly #options: Options<Task>
  readonly #open = new Map<UnitLane<Task>, { job: string; busy: boolean }>()
  readonly #waiting: (() => void)[] = []
  #free: number
  #lending: Lending = FULL_LENDING

  constructor(options: Options<Task>) {
    this.#options = options
    this.slots = options.slots
    this.#free = options.slots
  }

  /** Waits for a slot, first come first served. Call the returned function once to give it back. Rejects when `signal` aborts. */
  async takeSlot(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#free > 0) {
      this.#free--
    } else {
      await new Promise<void>((resolve, reject) => {
        const granted = () => {
          signal.removeEventListener('abort', aborted)
          resolve()
        }
        const aborted = () => {
          this.#waiting.splice(this.#waiting.indexOf(granted), 1)
          reject(signal.reason as Error)
        }
        this.#waiting.push(granted)
        signal.addEventListener('abort', aborted, { once: true })
      })
    }
    return () => {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }

  /** A program loaded with the task, or why the job cannot run here. An abort ends the wait with a refusal. */
  async load(task: Task, signal: AbortSignal): Promise<LaneLoad<Task>> {
    for (let tries = 1; ; tries++) {
      const lane = this.#idle(task.job) ?? new UnitLane(this.#options.open(task))
      const loadedJob = this.#open.get(lane)?.job
      this.#open.set(lane, { job: task.job, busy: true })
      if (loadedJob === task.job) return { lane }
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

  /** Ends the use of a program. `healthy` says that it may be used again. */
  release(lane: UnitLane<Task>, healthy: boolean): void {
    const known = this.#open.get(lane)
    if (healthy && this.#options.keep && !lane.closed && known !== undefined) {
      this.#open.set(lane, { job: known.job, busy: false })
      return
    }
    this.#open.delete(lane)
    lane.close()
  }

  /** Holds for the programs that are open and for those that will be. */
  lend(lending: Lending): void {
    this.#lending = lending
    for (const lane of this.#open.keys()) lane.lend(lending)
  }

  close(): void {
    for (const lane of this.#open.keys()) lane.close()
    this.#open.clear()
  }

  #idle(job: string): UnitLane<Task> | undefined {
    const idle = [...this.#open].filter(([lane, use]) => !use.busy && !lane.closed)
    return (idle.find(([, use]) => use.job === job) ?? idle[0])?.[0]
  }
}
