/** Volunteers inside the test's process: real executors and the real protocol, with or without the truth. */
import {
  assembleKernel,
  createIdentity,
  createMemoryOutboxStore,
  createMemoryPinStore,
  nodeComputeWorkers,
  openCage,
  startLibp2pNetwork,
  systemClock,
  type ComputeWorker,
  type KernelParts,
  type NodeKernel
} from '@peercompute/worker-client/node'
import { memoryLedgerStore } from '@peercompute/ledger'
import { benchmarksOfThisProcess } from './benchmarks-of-this-process.ts'

/** A volunteer that changes the last byte of everything it has computed. Colluding ones change it alike. */
export function lie(worker: ComputeWorker): ComputeWorker {
  return lieAbout(worker, () => true)
}

/** The same where `about` says so, which is asked for each result. */
export function lieAbout(worker: ComputeWorker, about: () => boolean): ComputeWorker {
  return {
    executor: worker.executor,
    unavailable: worker.unavailable,
    stop: () => worker.stop(),
    lend(lending) {
      worker.lend(lending)
    },
    run: (range, events, signal) =>
      worker.run(
        range,
        {
          ...events,
          outcome(outcome) {
            if (!outcome.ok || !about()) {
              events.outcome(outcome)
              return
            }
            const value = outcome.value.slice()
            value.set([(value.at(-1) ?? 0) ^ 0x55], value.length - 1)
            events.outcome({ ...outcome, value })
          }
        },
        signal
      )
  }
}

export async function startVolunteer(
  coordinator: string,
  options: {
    readonly name: string
    readonly change?: (worker: ComputeWorker) => ComputeWorker
    readonly peers?: boolean
    /** Runs any program, in a cage. By default the reviewed kernels only, in threads. */
    readonly foreign?: boolean
    /** What it is put together from otherwise. */
    readonly parts?: Partial<KernelParts>
  }
): Promise<NodeKernel> {
  const opened = options.foreign === true ? await openCage() : null
  if (opened?.kind === null) throw new Error(opened.why)
  const { workers } = await nodeComputeWorkers({ gpu: null, slots: 1, cage: opened, benchmarks: benchmarksOfThisProcess })
  const kernel = await assembleKernel({
    coordinator,
    identity: await createIdentity({ label: options.name, now: Date.now(), extractableHost: true }),
    workers: workers.map(options.change ?? ((worker) => worker)),
    agent: `test/${options.name}`,
    memoryBytes: 2 ** 30,
    outboxStore: createMemoryOutboxStore(),
    ledgerStore: memoryLedgerStore(),
    pins: createMemoryPinStore(),
    clock: systemClock,
    random: Math.random,
    fetch: globalThis.fetch,
    ...(opened === null ? {} : { release: () => opened.close() }),
    ...(options.peers === false ? {} : { startPeers: startLibp2pNetwork }),
    ...options.parts
  })
  kernel.start()
  return kernel
}
