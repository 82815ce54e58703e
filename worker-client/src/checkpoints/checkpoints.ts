/**
 * Saved states of unfinished units on this host, and the leases under which they were saved, so that a closed tab, a crash or a reload
 * resumes. A state belongs to a job, a unit, an executor kind and a program; a state that descends from another host's checkpoint is
 * used only under a lease that says so, because its result is that host's opinion as well (ADR 13).
 */
import {
  CHECKPOINT_MAX_BYTES,
  type Bytes,
  type ContentHash,
  type ExecutorKind,
  type JobId,
  type JobSpec,
  type Lease
} from '@peercompute/job-specs'
import type { LeasedJob } from '@peercompute/job-specs/protocol'
import type { PreparedJob } from '../compute/compute-worker.ts'
import type { CheckpointDisk } from './checkpoint-disk.ts'
import { decodeState, encodeState } from './checkpoint-record.ts'
import { decodeLease, encodeLease, type KeptLease } from './kept-lease.ts'
import { writeBehind } from './write-behind.ts'

/** All records together; the oldest go first. */
export const CHECKPOINTS_MAX_BYTES = 268_435_456

export type StateOf = Pick<PreparedJob, 'id' | 'spec'>

export interface Checkpoints {
  /** The state to begin from. `foreign`: the checkpoint that the lease carries, when it carries one. */
  load(job: StateOf, unit: number, kind: ExecutorKind, foreign?: ContentHash): Promise<Bytes | null>
  /** Keeps the state beside what was loaded before it; larger ones than CHECKPOINT_MAX_BYTES are not kept. */
  save(job: StateOf, unit: number, kind: ExecutorKind, state: Uint8Array<ArrayBuffer>): void
  /** The unit has an outcome, or is no longer wanted. */
  drop(job: JobId, unit: number): void
  /** The lease survives this program, until it is let go of. */
  keepLease(lease: Lease, unfinished: Iterable<number>, job: LeasedJob): void
  dropLease(lease: Pick<Lease, 'job' | 'epoch'>): void
  /** Leases that an earlier program of this host has kept, and whose specifications can still be read. */
  keptLeases(): Promise<readonly KeptLease[]>
  /** Resolves when everything is on the disk. */
  settled(): Promise<void>
}

export interface CheckpointsInit {
  readonly disk: CheckpointDisk
  readonly maxBytes?: number
  /** Bytes of another host's checkpoint. Without it none is resumed from. */
  readonly fetchForeign?: (sha256: ContentHash) => Promise<Bytes>
}

export function createCheckpoints({ disk, maxBytes = CHECKPOINTS_MAX_BYTES, fetchForeign }: CheckpointsInit): Checkpoints {
  const records = writeBehind(disk, maxBytes)
  /** The foreign checkpoints that running units began from. */
  const origins = new Map<string, ContentHash>()

  return {
    async load(job, unit, kind, foreign) {
      const key = stateKey(job.id, unit, kind)
      origins.delete(key)
      const program = programHash(job.spec, kind)
      const record = await records.read(key)
      const kept = record === null ? null : await decodeState(record)
      const fits =
        kept !== null &&
        kept.name.job === job.id &&
        kept.name.unit === unit &&
        kept.name.executor === kind &&
        kept.name.program === program &&
        (kept.name.origin === null || kept.name.origin === foreign)
      const own = fits ? kept : null
      if (foreign === undefined || own?.name.origin === foreign) {
        if (own?.name.origin === foreign && foreign !== undefined) origins.set(key, foreign)
        return own?.state ?? null
      }
      const fetched = await fetchForeign?.(foreign).catch(() => null)
      if (fetched === undefined || fetched === null || fetched.length > CHECKPOINT_MAX_BYTES) return own?.state ?? null
      origins.set(key, foreign)
      return fetched
    },
    save(job, unit, kind, state) {
      const program = programHash(job.spec, kind)
      if (state.length > CHECKPOINT_MAX_BYTES || program === null) return
      const key = stateKey(job.id, unit, kind)
      const name = { job: job.id, unit, executor: kind, program, origin: origins.get(key) ?? null }
      records.write(key, () => encodeState(name, state))
    },
    drop(job, unit) {
      for (const kind of ['webgpu', 'wasm', 'js'] as const) {
        origins.delete(stateKey(job, unit, kind))
        records.remove(stateKey(job, unit, kind))
      }
    },
    keepLease(lease, unfinished, job) {
      const kept = { lease, unfinished: [...unfinished], job }
      if (kept.unfinished.length > 0) records.write(leaseKey(lease), () => encodeLease(kept))
    },
    dropLease(lease) {
      records.remove(leaseKey(lease))
    },
    async keptLeases() {
      const out: KeptLease[] = []
      for (const key of await records.keys()) {
        if (!key.startsWith(LEASE)) continue
        const record = await records.read(key)
        const kept = record === null ? null : decodeLease(record)
        if (kept === null) records.remove(key)
        else out.push(kept)
      }
      return out
    },
    settled: () => records.settled()
  }
}

const LEASE = 'lease-'

/** A file name: the id is hexadecimal, the kind a word. */
function stateKey(job: JobId, unit: number, kind: ExecutorKind): string {
  return `${job}-${unit}-${kind}`
}

function leaseKey({ job, epoch }: Pick<Lease, 'job' | 'epoch'>): string {
  return `${LEASE}${job}-${epoch}`
}

function programHash({ kernel }: JobSpec, kind: ExecutorKind): ContentHash | null {
  return (kind === 'webgpu' ? kernel.wgsl : kernel[kind])?.blob.sha256 ?? null
}
