/** Worker thread of caged-comparison.ts, which sleeps until the answer is there. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import type { OutputSpec } from '@peercompute/job-specs'
import { openCage } from './cage.ts'
import { compareInCage, failedComparison } from './compare-in-cage.ts'

export interface ComparisonThreadData {
  /** Not 0: the thread is ready, or an answer is in the port. */
  readonly signal: Int32Array
  readonly port: MessagePort
}

export interface ComparisonQuestion {
  readonly source: string
  readonly outputs: readonly OutputSpec[]
  readonly a: Uint8Array
  readonly b: Uint8Array
}

const { signal, port } = workerData as ComparisonThreadData
const cage = await openCage()

function wake(): void {
  Atomics.store(signal, 0, 1)
  Atomics.notify(signal, 0)
}

port.on('message', ({ source, outputs, a, b }: ComparisonQuestion) => {
  try {
    port.postMessage(compareInCage(cage, source, outputs, a, b))
  } catch (error) {
    port.postMessage(failedComparison(error instanceof Error ? error.message : String(error)))
  }
  wake()
  if (cage.broken) port.close()
})
parentPort?.unref()
// The first call compiles the engine.
cage.call({ source: 'export default () => true', entry: 'agree', args: [], fuel: 1 })
wake()
