/**
 * Who must still pay for its first lease, where the operator asks for it. Once for each key and start of the coordinator: what a host has
 * paid is remembered in memory only.
 */
import { PeerComputeError, toBase64Url, type HostId } from '@peercompute/job-specs'
import { solvesProofOfWork, type ProofOfWorkTask } from '@peercompute/job-specs/protocol'

const CHALLENGE_BYTES = 16
/** Keys cost nothing to make: whoever came longest ago is forgotten, and is given another task when it comes again. */
const TASKS_MAX = 10_000
/** These have paid. */
const PAID_MAX = 1_000_000

export interface ProofOfWork {
  /** The same until it is solved; undefined when the host owes nothing. */
  taskFor(host: HostId): ProofOfWorkTask | undefined
  /** Throws PROOF_OF_WORK_REQUIRED for a host that owes and does not bring what it owes. */
  check(host: HostId, nonce: number | undefined): void
}

/** `bits` 0: nobody owes anything. */
export function createProofOfWork(bits: number): ProofOfWork {
  const tasks = new Map<HostId, ProofOfWorkTask>()
  const paid = new Set<HostId>()
  return {
    taskFor(host) {
      if (bits === 0 || paid.has(host)) return undefined
      const known = tasks.get(host)
      if (known !== undefined) return known
      const task = { challenge: toBase64Url(crypto.getRandomValues(new Uint8Array(CHALLENGE_BYTES))), bits }
      tasks.set(host, task)
      dropOldest(tasks, TASKS_MAX)
      return task
    },
    check(host, nonce) {
      if (bits === 0 || paid.has(host)) return
      const task = tasks.get(host)
      if (nonce === undefined || task === undefined)
        throw new PeerComputeError(
          'PROOF_OF_WORK_REQUIRED',
          `the first ask of a new host carries a solution of ${bits} bits for its welcome`
        )
      if (!solvesProofOfWork(task, host, nonce))
        throw new PeerComputeError('PROOF_OF_WORK_REQUIRED', `${nonce} does not solve the task of this host's last welcome`)
      tasks.delete(host)
      paid.add(host)
      dropOldest(paid, PAID_MAX)
    }
  }
}

function dropOldest(names: { readonly size: number; keys(): Iterator<HostId>; delete(host: HostId): boolean }, most: number): void {
  const oldest = names.size > most ? names.keys().next() : undefined
  if (oldest !== undefined && oldest.done !== true) names.delete(oldest.value)
}
