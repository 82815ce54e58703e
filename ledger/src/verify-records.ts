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

/** Where records are verified: here, or in another thread. */
export interface RecordVerifier {
  /** Checks consecutive records that would follow `position`. All or none. Never rejects. `records` stay the caller's. */
  verify(feed: FeedName, position: FeedPosition, records: readonly Uint8Array[]): Promise<Verified>
}

export const verifyHere: RecordVerifier = { verify: verifyRecords }

/** While the signatures of these are checked by other threads of the platform, the next are decoded here, after whoever waits for this one. */
const RECORDS_AT_ONCE = 256
const OPENINGS: readonly string[] = ['feed.open', 'coordinator.open']

interface Decoded {
  readonly bytes: Uint8Array
  readonly record: LedgerRecord
}

/** Checks consecutive records that would follow `position`. All or none. Never throws. */
export async function verifyRecords(feed: FeedName, position: FeedPosition, records: readonly Uint8Array[]): Promise<Verified> {
  const entries: LedgerEntry[] = []
  let next = position
  let checking: Promise<readonly (LedgerEntry | null)[]> = Promise.resolve([])
  for (let start = 0; start <= records.length; start += RECORDS_AT_ONCE) {
    const decoded: Decoded[] = []
    for (const bytes of records.slice(start, start + RECORDS_AT_ONCE)) {
      const found = decodeNext(feed, next, bytes)
      if (found instanceof Promise) return { ok: false, refusal: await found }
      if (typeof found === 'string') return { ok: false, refusal: found }
      decoded.push({ bytes, record: found })
      next = { seq: next.seq + 1, hash: recordHash(bytes) }
    }
    const before = checking
    checking = Promise.all(decoded.map(({ bytes, record }) => verifyEntry(feed, bytes, record)))
    const refusal = take(await before, entries)
    if (refusal !== null) return { ok: false, refusal }
    if (records.length > start + RECORDS_AT_ONCE) await nextTask()
  }
  const refusal = take(await checking, entries)
  return refusal === null ? { ok: true, entries, hash: next.hash } : { ok: false, refusal }
}

/** Answered signatures alone can keep a page from its timers and its input. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

/** A record that may stand at `next`, its signature unseen; or why it may not. */
function decodeNext(feed: FeedName, next: FeedPosition, bytes: Uint8Array): LedgerRecord | Refusal | Promise<Refusal> {
  const record = decodeRecord(bytes)
  if (record === null || record.author !== feed.author || record.epoch !== feed.epoch || record.seq !== next.seq) return 'record'
  if (next.seq === 0 && !OPENINGS.includes(record.type)) return 'record'
  if (record.prev === next.hash) return record
  // The signature of a record off the chain is looked at all the same: without it anybody could accuse the author.
  return verifyRecordSignature(bytes, record).then((holds) => (holds ? 'chain' : 'signature'))
}

function take(checked: readonly (LedgerEntry | null)[], entries: LedgerEntry[]): Refusal | null {
  for (const entry of checked) {
    if (entry === null) return 'signature'
    if (entry.record.seq === 0 && entry.known === null) return 'record'
    entries.push(entry)
  }
  return null
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
