import type { Executor, ReasonCode } from '@peercompute/job-specs'
import type { ComputeWorker, Lending, UnitOutcome } from '../compute/compute-worker.ts'
import { SlotBudget } from '../compute/pool/slot-budget.ts'
import { testValue } from './test-job.ts'

/** An executor in the hands of the test: units wait until it lets them finish. */
export interface TestWorker extends ComputeWorker {
  readonly executor: Executor
  /** Units that are being computed, in the order in which they began. */
  computing(): number[]
  /** Ends units with this outcome, oldest first; all that run now without `units`. */
  complete(units?: readonly number[], outcome?: (unit: number) => UnitOutcome): void
  /** From now on units finish by themselves. */
  automatic(): void
  readonly aborted: number
  /** What was lent to it, latest last. */
  readonly lent: readonly Lending[]
  /** From now on it can run nothing. */
  breakDown(why: ReasonCode): void
}

interface Running {
  readonly unit: number
  readonly done: (outcome: UnitOutcome) => void
}

export function createTestWorker(changes: Partial<Executor> = {}): TestWorker {
  const executor: Executor = {
    kind: 'js',
    slots: 1,
    numericClass: 'js-test',
    probeVersion: 1,
    features: [],
    software: false,
    operationsPerSecond: 0,
    ...changes
  }
  const slots = new SlotBudget(executor.slots)
  let running: Running[] = []
  let automatic = false
  let aborted = 0
  let unavailable: ReasonCode | null = null
  const lent: Lending[] = []
  const success = (unit: number): UnitOutcome => ({ unit, ok: true, value: testValue(unit), computeMs: 100 })

  const byHand = (unit: number, signal: AbortSignal): Promise<UnitOutcome> => {
    const { promise, resolve, reject } = Promise.withResolvers<UnitOutcome>()
    const mine: Running = { unit, done: resolve }
    running.push(mine)
    signal.addEventListener(
      'abort',
      () => {
        if (running.includes(mine)) aborted++
        running = running.filter((other) => other !== mine)
        reject(signal.reason as Error)
      },
      { once: true }
    )
    return promise
  }

  return {
    executor,
    lent,
    lend: (lending) => {
      lent.push(lending)
    },
    get unavailable() {
      return unavailable
    },
    breakDown(why) {
      unavailable = why
    },
    async run({ start, count }, { outcome: onOutcome, began }, signal) {
      for (let unit = start; unit < start + count; unit++) {
        const giveBack = await slots.take(signal)
        try {
          signal.throwIfAborted()
          began?.(unit)
          if (automatic) {
            await new Promise((resolve) => setImmediate(resolve))
            signal.throwIfAborted()
            onOutcome(success(unit))
          } else {
            onOutcome(await byHand(unit, signal))
          }
        } finally {
          giveBack()
        }
      }
    },
    async stop() {},
    computing: () => running.map(({ unit }) => unit),
    complete(units, outcome = success) {
      const ending = running.filter(({ unit }) => units === undefined || units.includes(unit))
      running = running.filter((other) => !ending.includes(other))
      for (const { unit, done } of ending) done(outcome(unit))
    },
    automatic() {
      automatic = true
      this.complete()
    },
    get aborted() {
      return aborted
    }
  }
}
