import { createRemoteVerifier, createSplitVerifier, REMOTE_RECORDS_MIN, verifyHere, type RecordVerifier } from '@peercompute/ledger'

export interface WorkerVerifier extends RecordVerifier {
  stop(): void
}

/** A third would find no core on most devices, and the page itself needs one. */
const THREADS_MAX = 2

/**
 * Verifies long catch-ups in workers, which start with the first of them, or when one is announced. `start` gives null where the page's
 * policy allows no worker; then, and when a worker fails, they are verified in this thread. `cores`: of this device.
 */
export function createWorkerVerifier(start: () => Worker | null, cores: number): WorkerVerifier {
  const threads = Array.from({ length: Math.max(1, Math.min(THREADS_MAX, cores)) }, () => createThread(start))
  const split = createSplitVerifier(threads)
  return {
    verify: (feed, position, records) => (records.length < REMOTE_RECORDS_MIN ? verifyHere : split).verify(feed, position, records),
    prepare() {
      split.prepare?.()
    },
    stop() {
      for (const thread of threads) thread.stop()
    }
  }
}

function createThread(start: () => Worker | null): WorkerVerifier {
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
      verifier ??= begin()
      return verifier.verify(feed, position, records)
    },
    prepare() {
      verifier ??= begin()
    },
    stop() {
      worker?.terminate()
    }
  }
}
