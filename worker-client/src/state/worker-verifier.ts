import { createRemoteVerifier, REMOTE_RECORDS_MIN, verifyHere, type RecordVerifier } from '@peercompute/ledger'

export interface WorkerVerifier extends RecordVerifier {
  stop(): void
}

/**
 * Verifies long catch-ups in a worker, which starts with the first of them. `start` gives null where the page's policy allows no
 * worker; then, and when the worker fails, they are verified in this thread.
 */
export function createWorkerVerifier(start: () => Worker | null): WorkerVerifier {
  let worker: Worker | null = null
  let verifier: RecordVerifier | null = null

  function begin(): RecordVerifier {
    worker = start()
    if (worker === null) return verifyHere
    const started = worker
    const remote = createRemoteVerifier({
      postMessage: (message, transfer) => {
        started.postMessage(message, transfer)
      },
      addEventListener: (type, listener) => {
        started.addEventListener(type, listener)
      }
    })
    started.addEventListener('error', () => {
      remote.giveUp()
    })
    return remote
  }

  return {
    verify(feed, position, records) {
      if (records.length < REMOTE_RECORDS_MIN) return verifyHere.verify(feed, position, records)
      verifier ??= begin()
      return verifier.verify(feed, position, records)
    },
    stop() {
      worker?.terminate()
    }
  }
}
