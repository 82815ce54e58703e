import { createRemoteVerifier, type RecordVerifier } from '@peercompute/ledger'

export interface WorkerVerifier extends RecordVerifier {
  stop(): void
}

/** Verifies in a worker of its own, which starts with the first long catch-up. Where the page's policy allows none, it verifies here. */
export function createWorkerVerifier(start: () => Worker): WorkerVerifier {
  let worker: Worker | null = null
  let remote: RecordVerifier | null = null
  return {
    verify(feed, position, records) {
      remote ??= createRemoteVerifier(portTo(() => (worker ??= start())))
      return remote.verify(feed, position, records)
    },
    stop() {
      worker?.terminate()
    }
  }
}
