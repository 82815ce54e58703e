import { createWorkerVerifier, type WorkerVerifier } from '@peercompute/worker-client/browser'

/** As the volunteer's page verifies: in threads of their own. */
export function startVerifier(): WorkerVerifier {
  const start = () => new Worker(new URL('./verify-worker.ts', import.meta.url), { type: 'module' })
  return createWorkerVerifier(start, navigator.hardwareConcurrency)
}
