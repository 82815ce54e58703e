/** What a record must satisfy before it is applied: its bytes, its place, its hash chain, its signature, its feed's opening. */
import {
  decodeRecord,
  interpretRecord,
  jobIdOf,
  recordHash,
  verifyCoordinatorCertificate,
  verifyHostCertificate,
  verifyRecordSignature,
  verifySpec,
  type KnownRecord,
  type LedgerRecord
} from '@peercompute/job-specs'
import type { FeedName } from './feed-name.ts'
import type { LedgerEntry, Refusal } from './ledger.ts'

/** Where the next record of a feed goes: its sequence number, and the hash of the record before it (NO_PREVIOUS at the start). */
export interface FeedPosition {
  readonly seq: number
  readonly hash: string
}

export type Verified =
  { readonly ok: true; readonly entries: readonly LedgerEntry[]; readonly hash: string } | { readonly ok: false; readonly refusal: Refusal }

const SIGNATURES_AT_ONCE = 64
const OPENINGS: readonly string[] = ['feed.open', 'coordinator.open']

/** Checks consecutive records that would follow `position`. All or none. Never throws. */
export async function verifyRecords(feed: FeedName, position: FeedPosition, records: readonly Uint8Array[]): Promise<Verified> {
  const decoded: { readonly bytes: Uint8Array; readonly record: LedgerRecord }[] = []
  let { seq, hash } = position
  for (const bytes of records) {
    const record = decodeRecord(bytes)
    if (record === null || record.author !== feed.author || record.epoch !== feed.epoch || record.seq !== seq)
      return { ok: false, refusal: 'record' }
    if (seq === 0 && !OPENINGS.includes(record.type)) return { ok: false, refusal: 'record' }
    // The signature of a record off the chain is looked at all the same: without it anybody could accuse the author.
    if (record.prev !== hash) return { ok: false, refusal: (await verifyRecordSignature(bytes, record)) ? 'chain' : 'signature' }
    decoded.push({ bytes, record })
    hash = recordHash(bytes)
    seq++
  }
  const entries: LedgerEntry[] = []
  for (let start = 0; start < decoded.length; start += SIGNATURES_AT_ONCE) {
    const checked = await Promise.all(
      decoded.slice(start, start + SIGNATURES_AT_ONCE).map(({ bytes, record }) => verifyEntry(feed, bytes, record))
    )
    for (const entry of checked) {
      if (entry === null) return { ok: false, refusal: 'signature' }
      if (entry.record.seq === 0 && entry.known === null) return { ok: false, refusal: 'record' }
      entries.push(entry)
    }
  }
  return { ok: true, entries, hash }
}

async function verifyEntry(feed: FeedName, bytes: Uint8Array, record: LedgerRecord): Promise<LedgerEntry | null> {
  if (!(await verifyRecordSignature(bytes, record))) return null
  const known = interpretRecord(record)
  return { feed, record, known: known === null || known === 'unknown' || (await innerSignaturesHold(known)) ? known : null }
}

/** The fold is pure and cannot check signatures, so what a record carries signed by somebody is checked here, once. */
async function innerSignaturesHold(record: KnownRecord): Promise<boolean> {
  switch (record.type) {
    case 'feed.open': {
      const { certificate } = record.body
      return certificate.host.toString() === record.author && (await verifyHostCertificate(certificate))
    }
    case 'coordinator.open': {
      // Whether this root is the pinned one is the fold's question.
      const { certificate } = record.body
      return certificate.operational === record.author && (await verifyCoordinatorCertificate(certificate, certificate.root))
    }
    case 'job.publish':
      return verifySpec(record.body.signed)
    case 'job.admit':
      return jobIdOf(record.body.signed.author, record.body.signed.spec) === record.body.job && (await verifySpec(record.body.signed))
    default:
      return true
  }
}
