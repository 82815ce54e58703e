/** The way of foreign bytes into one feed: structure, place, overlap, quota, records, signatures. Nothing is applied here. */
import { decodeRecord, equalBytes, verifyRecordSignature } from '@peercompute/job-specs'
import type { EquivocationProof } from './equivocation.ts'
import type { Feed } from './feed.ts'
import { readFeedUpdate } from './feed-update.ts'
import type { Admission, LedgerEntry, Refusal } from './ledger.ts'
import type { LedgerLimits } from './limits.ts'
import type { RecordVerifier } from './verify-records.ts'

export type Verdict =
  | { readonly ok: true; readonly records: readonly Uint8Array[]; readonly entries: readonly LedgerEntry[]; readonly hash: string }
  | { readonly ok: false; readonly refusal: Refusal; readonly proof?: EquivocationProof }

/** The caller must not let the feed change meanwhile, and freezes it when the answer carries a proof. Never throws. */
export async function examineUpdate(
  feed: Feed,
  update: Uint8Array,
  limits: LedgerLimits,
  verifier: RecordVerifier,
  fork: EquivocationProof | null
): Promise<Verdict> {
  const slice = readFeedUpdate(feed.client, update)
  if (!slice.ok) return slice
  if (slice.from > feed.length) return feed.length >= feed.limit ? forked(fork) : { ok: false, refusal: 'gap' }
  for (const [index, met] of slice.records.entries()) {
    const held = feed.records[slice.from + index]
    if (held === undefined) break
    if (!equalBytes(held, met)) return judgeFork(feed, slice.from + index, held, met)
  }
  const fresh = slice.records.slice(feed.length - slice.from)
  if (fresh.length === 0) return { ok: false, refusal: 'stale' }
  const records = fresh.slice(0, feed.limit - feed.length)
  if (records.length === 0) return forked(fork)
  if (feed.length + records.length > limits.recordsPerFeed || feed.updateBytesWith(records) > limits.bytesPerFeed)
    return { ok: false, refusal: 'quota' }
  const verified = await verifier.verify(feed.name, feed.next, records)
  return verified.ok ? { ok: true, records, entries: verified.entries, hash: verified.hash } : verified
}

function forked(proof: EquivocationProof | null): Verdict {
  return { ok: false, refusal: 'equivocation', ...(proof === null ? {} : { proof }) }
}

/** Only the author's signature makes another record at a taken place a fork; otherwise anybody could freeze the feed. */
async function judgeFork(feed: Feed, seq: number, held: Uint8Array, met: Uint8Array): Promise<Verdict> {
  const record = decodeRecord(met)
  if (record === null || record.author !== feed.name.author || record.epoch !== feed.name.epoch || record.seq !== seq)
    return { ok: false, refusal: 'record' }
  if (!(await verifyRecordSignature(met, record))) return { ok: false, refusal: 'signature' }
  return forked({ feed: feed.name, seq, held, met: new Uint8Array(met) })
}

/** An admission that did not happen, without a proof. */
export function refuse(refusal: Refusal): Admission {
  return { applied: false, refusal }
}
