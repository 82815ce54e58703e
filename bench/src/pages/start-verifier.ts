import { createRemoteVerifier, type RecordVerifier } from '@peercompute/ledger'

/** Verifies in a thread of its own, which starts now. */
export function startVerifier(): RecordVerifier {
  const worker = new Worker(new URL('./verify-worker.ts', import.meta.url), { type: 'module' })
  return createRemoteVerifier({
    postMessage: (message, transfer) => {
      worker.postMessage(message, transfer)
    },
    addEventListener: (type, listener) => {
      worker.addEventListener(type, listener)
    }
  })
}
