/** The program's side of the unit protocol. Runs inside the sandbox: imports nothing but types. */
import type { Refusal, UnitAnswer, UnitOrder } from './unit-protocol.ts'

/** Runs one unit. A throw becomes a `runtime_error`. */
export interface UnitProgram {
  run(unit: number): Uint8Array<ArrayBuffer> | Refusal | Promise<Uint8Array<ArrayBuffer> | Refusal>
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

  async function runUnit(unit: number): Promise<void> {
    const started = now()
    let result: Uint8Array<ArrayBuffer> | Refusal
    try {
      const running = program === undefined ? { reason: 'runtime_error' as const, message: 'No job is loaded' } : program.run(unit)
      result = running instanceof Promise ? await running : running
    } catch (error) {
      result = { reason: 'runtime_error', message: errorText(error) }
    }
    const computeMs = Math.max(0, now() - started)
    if (result instanceof Uint8Array) post({ type: 'value', unit, value: result, computeMs }, [result.buffer])
    else post({ type: 'failure', unit, reason: result.reason, message: result.message.slice(0, 2_000), computeMs }, [])
  }

  return async (order) => {
    if (order.type === 'lend') return
    if (order.type === 'run') {
      for (let unit = order.start; unit < order.start + order.count; unit++) await runUnit(unit)
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
      post({ type: 'loaded' }, [])
    } else {
      post({ type: 'refused', reason: loaded.reason, message: loaded.message.slice(0, 2_000) }, [])
    }
  }
}
