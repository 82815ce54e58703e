/** Checkpoints' snapshots: made from a state, read back from bytes, put into a coordinator's feed. */
import {
  decodeSnapshot,
  encodeSnapshot,
  jobIdOf,
  PeerComputeError,
  SNAPSHOT_MAX_BYTES,
  toHex,
  type ContentHash,
  type LedgerSnapshot,
  type RecordBody,
  type RootId
} from '@peercompute/job-specs'
import type { CheckpointMark, HeldCheckpoint } from './checkpoint.ts'
import type { LedgerState } from './fold-state.ts'
import type { FeedWriter, Ledger } from './ledger.ts'

/** `covers`: what `state` was folded from, as `ledger.covers()` told at the same moment. Pure. */
export function snapshotOf(state: LedgerState, covers: LedgerSnapshot['covers'], root: RootId): LedgerSnapshot {
  const jobs = [...state.jobs.values()].sort((a, b) => order(a.id, b.id))
  return {
    v: 1,
    root,
    covers: covers.toSorted((a, b) => order(a.author, b.author) || a.epoch - b.epoch),
    coordinators: [...state.coordinators].map(([key, serial]) => ({ key, serial })).sort((a, b) => order(a.key, b.key)),
    revoked: [...state.revoked].sort(),
    jobs: jobs.map(({ signed, publishedBy, admitted, custodial, cancelled, ended, settled }) => ({
      signed,
      publishedBy,
      admitted,
      custodial,
      cancelled,
      ended,
      settled: [...settled]
    })),
    retired: state.retired,
    credit: [...state.credit].map(([account, microCredits]) => ({ account, microCredits })).sort((a, b) => order(a.account, b.account))
  }
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

/**
 * Begins an epoch of a coordinator's feed with this checkpoint, and adopts it. Call it right after taking the snapshot; what is appended
 * meanwhile is not covered and stays. `kept`: of the same state; a snapshot has no place for revoked jobs and receipts, so they are said
 * again right behind it, in the same update: receipts of the jobs of which it tells. Rejects with REQUEST_INVALID when the snapshot is too large, or with the store's error.
 */
export async function writeCheckpoint(
  ledger: Ledger,
  writer: FeedWriter,
  snapshot: LedgerSnapshot,
  kept: Partial<Pick<LedgerState, 'revokedJobs' | 'jobs'>> = {}
): Promise<void> {
  const encoded = await encodeSnapshot(snapshot)
  if (encoded.length > SNAPSHOT_MAX_BYTES)
    throw new PeerComputeError('REQUEST_INVALID', `a snapshot of ${encoded.length} bytes, allowed are ${SNAPSHOT_MAX_BYTES}`)
  const named = { snapshot: await snapshotHash(encoded), bytes: encoded.length }
  // All are asked for at once, so that no other record comes between them.
  await Promise.all([
    writer.nextEpoch(),
    writer.append('ledger.checkpoint', named),
    ...[...(kept.revokedJobs ?? [])].map(([job, reason]) => writer.append('job.revoke', { job, reason })),
    ...receiptsOf(snapshot, kept.jobs ?? new Map()).map((receipt) => writer.append('job.receipt', receipt))
  ])
  await ledger.adopt(encoded)
}

function receiptsOf({ jobs }: LedgerSnapshot, known: LedgerState['jobs']): RecordBody<'job.receipt'>[] {
  return jobs.flatMap(({ signed }) => {
    const job = known.get(jobIdOf(signed.author, signed.spec))
    return job?.receipt === undefined ? [] : [{ job: job.id, ...job.receipt }]
  })
}

export async function snapshotHash(encoded: Uint8Array): Promise<ContentHash> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(encoded)))) as ContentHash
}

/** Null unless a wanted checkpoint names exactly these bytes, and they are a snapshot of this root. */
export async function openSnapshot(
  encoded: Uint8Array,
  wanted: (sha256: ContentHash) => CheckpointMark | null,
  root: RootId
): Promise<HeldCheckpoint | null> {
  if (encoded.length > SNAPSHOT_MAX_BYTES) return null
  const own = new Uint8Array(encoded) // The caller may reuse its buffer.
  const mark = wanted(await snapshotHash(own))
  if (mark?.bytes !== own.length) return null
  const snapshot = await decodeSnapshot(own)
  return snapshot?.root === root ? { ...mark, snapshot, encoded: own } : null
}
