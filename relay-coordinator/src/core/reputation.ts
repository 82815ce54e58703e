/**
 * What is known of a host with one program on one executor, from comparisons with independent others. It belongs to the key, so a new
 * key begins with nothing.
 */
import type { ContentHash, ExecutorKind, HostId, JobId, JobSpec } from '@peercompute/job-specs'

/** `host executor program`. */
export type ReputationKey = string

export interface Reputation {
  readonly host: HostId
  readonly executor: ExecutorKind
  /** SHA-256 of the program. */
  readonly program: ContentHash
  /** Agreements since the last failure. */
  passed: number
  /** Comparisons in all. */
  checks: number
  /** Lost votes that say something of the host: a device that only rounds differently loses none. */
  failures: number
  /** Of those, votes in which another host had the same wrong answer. */
  colluded: number
  /** The last units that it decided alone, oldest first. In memory only. */
  readonly alone: { readonly job: JobId; readonly unit: number }[]
}

export function programOf({ kernel }: JobSpec, executor: ExecutorKind): ContentHash | null {
  return (executor === 'webgpu' ? kernel.wgsl : kernel[executor])?.blob.sha256 ?? null
}

export function reputationKey(host: HostId, executor: ExecutorKind, program: ContentHash): ReputationKey {
  return `${host} ${executor} ${program}`
}
