/** A volunteer in a tab with everything it has but its owner's preferences, and what a benchmark wants to know of it. */
import { memoryLedgerStore } from '@peercompute/ledger'
import {
  assembleKernel,
  browserComputeWorkers,
  createIdbOutboxStore,
  createIdentity,
  createMemoryPinStore,
  systemClock,
  type NodeKernel
} from '@peercompute/worker-client/browser'
import { timed, type TimedOutcome } from '../compute-bench/timed-worker.ts'

const outcomes: TimedOutcome[] = []
const longTasks: number[] = []
let kernel: NodeKernel | undefined

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longTasks.push(duration)
}).observe({ type: 'longtask' })

function started(): NodeKernel {
  if (kernel === undefined) throw new Error('the volunteer is not started')
  return kernel
}

const page = {
  /** Begins to compute what the coordinator of this page gives out, on that many cores. */
  async start(slots: number) {
    const { workers, failures } = await browserComputeWorkers({
      sandboxUrl: new URL('/sandbox.html', location.href).href,
      document,
      gpu: undefined,
      slots
    })
    if (workers.length === 0) throw new Error(String(failures[0]))
    kernel = await assembleKernel({
      coordinator: location.origin,
      identity: await createIdentity({ label: 'bench', now: Date.now(), extractableHost: true }),
      workers: workers.map((worker) => timed(worker, (outcome) => outcomes.push(outcome))),
      agent: 'bench',
      memoryBytes: 2 ** 30,
      outboxStore: createIdbOutboxStore('bench'),
      ledgerStore: memoryLedgerStore(),
      pins: createMemoryPinStore(),
      clock: systemClock,
      random: Math.random,
      fetch: (input, init) => globalThis.fetch(input, init)
    })
    kernel.start()
  },
  now: () => performance.now(),
  /** Outcomes since that time, and now. */
  outcomes: (since: number) => outcomes.filter(({ at }) => at >= since),
  count: () => outcomes.length,
  accepted: () => started().snapshot().unitsAccepted,
  state: () => started().snapshot().state,
  /** Longest tasks of this thread since the last call, in milliseconds. */
  takeLongTasks: () => longTasks.splice(0),
  /** Forgets what was noted, so that it is not counted as the volunteer's memory. */
  forget: () => outcomes.splice(0).length,
  pause: () => {
    started().pause()
  },
  resume: () => {
    started().resume()
  }
}
export type ComputePage = typeof page
Object.assign(globalThis, { computePage: page })
