/** The program's side of the unit protocol. Runs inside the sandbox. */
import { CHECKPOINT_EVERY_MS } from '@peercompute/job-specs/checkpoint'
import type { Lending } from '../compute-worker.ts'
import type { Refusal, UnitAnswer, UnitOrder } from './unit-protocol.ts'

/** Least time between two words of progress. */
const PROGRESS_EVERY_MS = 100

/** What a unit begins from, and what it may tell before its result. After the result it is heard no more. */
export interface UnitTelling {
  /** The state that was saved last; undefined when the unit begins anew. */
  readonly resume: Uint8Array<ArrayBuffer> | undefined
  /** Finished part, 0 to 1. Told on at most ten times a second; anything else is ignored. */
  readonly progress: (fraction: unknown) => void
  /** Asks for the state and sends it when the last one, or the unit's beginning, is CHECKPOINT_EVERY_MS ago. The bytes own their buffer and are given away. */
  readonly save: (state: () => Uint8Array<ArrayBuffer>) => void
  /** What the unit took, in milliseconds, where that is not the time that passed: a graphics card rests and works on two units at once. */
  readonly took: (ms: number) => void
}

export type UnitResult = Uint8Array<ArrayBuffer> | Refusal

/** Runs one unit. A throw becomes a `runtime_error`. */
export interface UnitProgram {
  run(unit: number, telling: UnitTelling): UnitResult | Promise<UnitResult>
  /** Settles when the next unit may begin although this one has no result yet. Without it, units run one after the other. */
  roomAhead?(): Promise<void>
  /** Told before the first unit and whenever it changes. */
  lend?(lending: Lending): void
}

export interface UnitServer<Task> {
  /** Prepares a job; orders after it run its units. */
  readonly load: (task: Task) => Promise<UnitProgram | Refusal>
  readonly post: (answer: UnitAnswer, transfer: ArrayBuffer[]) => void
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

/** The error's message for the researcher. The thrown value may be hostile, so reading it may throw too. */
export function errorText(error: unknown): string {
  try {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : `Thrown: ${String(error)}`
    return text.slice(0, 2_000)
  } catch {
    return 'The kernel threw a value that cannot be read'
  }
}

/** Returns the handler of orders. The other side sends the next order when the last one is answered. */
export function serveUnits<Task>({ load, post, now }: UnitServer<Task>): (order: UnitOrder<Task>) => Promise<void> {
  let program: UnitProgram | undefined
  let lending: Lending | undefined
  let progressAt = -PROGRESS_EVERY_MS
  let answeredAt = 0

  /** Results leave in order: `earlier` is the unit before this one while it has none, and until then nothing is heard of this one. */
  async function runUnit(unit: number, resume: Uint8Array<ArrayBuffer> | undefined, earlier: Promise<void> | undefined): Promise<void> {
    const started = now()
    let savedAt = started
    let took: number | undefined
    let running = earlier === undefined
    void earlier?.then(() => {
      running = true
    })
    const telling: UnitTelling = {
      resume,
      progress(fraction) {
        if (!running || typeof fraction !== 'number' || !(fraction >= 0 && fraction <= 1)) return
        const at = now()
        if (at - progressAt < PROGRESS_EVERY_MS) return
        progressAt = at
        post({ type: 'progress', unit, fraction }, [])
      },
      save(state) {
        if (!running || now() - savedAt < CHECKPOINT_EVERY_MS) return
        const bytes = state()
        savedAt = now()
        post({ type: 'saved', unit, state: bytes }, [bytes.buffer])
      },
      took(ms) {
        took = ms
      }
    }
    let result: Uint8Array<ArrayBuffer> | Refusal
    try {
      const made = program === undefined ? { reason: 'runtime_error' as const, message: 'No job is loaded' } : program.run(unit, telling)
      result = made instanceof Promise ? await made : made
    } catch (error) {
      result = { reason: 'runtime_error', message: errorText(error) }
    }
    await earlier
    running = false
    const computeMs = took ?? Math.max(0, now() - Math.max(started, answeredAt))
    answeredAt = now()
    if (result instanceof Uint8Array) post({ type: 'value', unit, value: result, computeMs }, [result.buffer])
    else post({ type: 'failure', unit, reason: result.reason, message: result.message.slice(0, 2_000), computeMs }, [])
  }

  async function runUnits(start: number, count: number, resume: Uint8Array<ArrayBuffer> | undefined): Promise<void> {
    let earlier: Promise<void> | undefined
    for (let unit = start; unit < start + count; unit++) {
      const running = runUnit(unit, unit === start ? resume : undefined, earlier)
      if (program?.roomAhead === undefined) await running
      else {
        earlier = running
        await program.roomAhead()
      }
    }
    await earlier
  }

  return async (order) => {
    if (order.type === 'lend') {
      lending = order.lending
      program?.lend?.(lending)
      return
    }
    if (order.type === 'run') {
      await runUnits(order.start, order.count, order.resume)
      return
    }
    let loaded: UnitProgram | Refusal
    try {
      loaded = await load(order.task)
    } catch (error) {
      loaded = { reason: 'compile_error', message: errorText(error) }
    }
    if ('run' in loaded) {
      program = loaded
      if (lending !== undefined) program.lend?.(lending)
      post({ type: 'loaded' }, [])
    } else {
      post({ type: 'refused', reason: loaded.reason, message: loaded.message.slice(0, 2_000) }, [])
    }
  }
}
