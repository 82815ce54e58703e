/**
 * Hashcash (A. Back, Hashcash - a denial of service counter-measure, 2002): a new key costs computing time. With seed = SHA-256 of
 * `peercompute/proof-of-work/1` NUL challenge NUL host, a nonce (8 bytes, big-endian) solves a task of b bits when SHA-256(seed ‖ nonce)
 * begins with b zero bits: 2^b hashes on average, one to check. The challenge is the coordinator's, so nothing can be computed ahead, and the
 * host's key is in it, so a solution is worth nothing to others.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8 } from '../bytes.ts'
import type { HostId } from '../ids.ts'
import type { ProofOfWorkTask } from './work.ts'

const SEED_BYTES = 32

interface Trial {
  holds(nonce: number): boolean
}

function trialOf({ challenge, bits }: ProofOfWorkTask, host: HostId): Trial {
  const block = new Uint8Array(SEED_BYTES + 8)
  block.set(sha256(utf8(`peercompute/proof-of-work/1\0${challenge}\0${host}`)))
  const view = new DataView(block.buffer)
  return {
    holds(nonce) {
      view.setUint32(SEED_BYTES, Math.floor(nonce / 2 ** 32))
      view.setUint32(SEED_BYTES + 4, nonce >>> 0)
      const [a = 0, b = 0, c = 0, d = 0] = sha256(block)
      return Math.clz32((a << 24) | (b << 16) | (c << 8) | d) >= bits
    }
  }
}

/** Whether `nonce`, an integer in [0, 2^53), solves the task for this host. */
export function solvesProofOfWork(task: ProofOfWorkTask, host: HostId, nonce: number): boolean {
  return trialOf(task, host).holds(nonce)
}

/** Tries `count` nonces from where it stopped; the one that solves the task, null when none did. */
export function searchProofOfWork(task: ProofOfWorkTask, host: HostId): (count: number) => number | null {
  const trial = trialOf(task, host)
  let next = 0
  return (count) => {
    for (const end = next + count; next < end; next++) if (trial.holds(next)) return next
    return null
  }
}
