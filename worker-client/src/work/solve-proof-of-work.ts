/** Pays for the first lease, a few milliseconds at a time, so that a page stays smooth meanwhile. */
import type { HostId } from '@peercompute/job-specs'
import { searchProofOfWork, type ProofOfWorkTask } from '@peercompute/job-specs/protocol'
import { sleep, type Clock } from '@peercompute/p2p/time'

/** About 2 ms on a desktop computer, 15 ms on a slow phone. */
const HASHES_AT_ONCE = 2_048

/** Rejects with the signal's reason. */
export async function solveProofOfWork(task: ProofOfWorkTask, host: HostId, clock: Clock, signal: AbortSignal): Promise<number> {
  const search = searchProofOfWork(task, host)
  for (;;) {
    const nonce = search(HASHES_AT_ONCE)
    if (nonce !== null) return nonce
    await sleep(clock, 0, signal)
  }
}
