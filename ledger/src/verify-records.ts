/** What a record must satisfy before it is applied: its bytes, its place, its hash chain, its signature, its feed's opening. */
import {
  decodeRecord,
  interpretRecord,
  NO_PREVIOUS,
  recordHashes,
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
  /** A long catch-up is about to come: what takes time to start may start. */
  prepare?(): void
}

export const verifyHere: RecordVerifier = { verify: (feed, position, records) => verifyRecords(feed, position, records) }

/**
 * For what this replica has verified before it stored it: structure, chain, and the signature of the last record, to which the hashes
 * bind all before it. So damage is found, and whoever can forge more than that can read the keys beside the store.
 *
 * It is not enough for foreign bytes. Their author could put a record with a bad signature inside the chain, under a good last one; then a
 * replica that passes on the part before would be taken for the liar by those who verify all of it. And what a record carries, signed by
 * somebody else, is bound to it by its author only.
 */
export const verifyStored: RecordVerifier = { verify: (feed, position, records) => verifyRecords(feed, position, records, 'stored') }

/**
 * Types whose inner signatures are checked before a record is stored (see `Feed.unsaved`), by every program that has ever stored one.
 * A type that is added later does not belong here: older programs have stored it as unknown.
 */
const SOUND_IN_STORE: readonly string[] = ['job.publish', 'job.admit']

/** While the signatures of these are checked by other threads of the platform, the next are decoded here, after whoever waits for this one. */
const RECORDS_AT_ONCE = 256
const OPENINGS: readonly string[] = ['feed.open', 'coordinator.open']

interface Decoded {
  readonly bytes: Uint8Array
  readonly record: LedgerRecord
}

/** Checks consecutive records that would follow `position`. All or none. Never throws. */
export async function verifyRecords(
  feed: FeedName,
  position: FeedPosition,
  records: readonly Uint8Array[],
  origin: 'foreign' | 'stored' = 'foreign'
): Promise<Verified> {
  const foreign = origin === 'foreign'
  const last = records.at(-1)
  const entries: LedgerEntry[] = []
  let next = position
  let checking: Promise<readonly (LedgerEntry | null)[]> = Promise.resolve([])
  for (let start = 0; start <= records.length; start += RECORDS_AT_ONCE) {
    const decoded: Decoded[] = []
    const part = records.slice(start, start + RECORDS_AT_ONCE)
    const hashes = await recordHashes(part)
    for (const [index, bytes] of part.entries()) {
      const found = decodeNext(feed, next, bytes)
      if (found instanceof Promise) return { ok: false, refusal: await found }
      if (typeof found === 'string') return { ok: false, refusal: found }
      decoded.push({ bytes, record: found })
      next = { seq: next.seq + 1, hash: hashes[index] ?? NO_PREVIOUS }
    }
    const before = checking
    checking = Promise.all(
      decoded.map(({ bytes, record }) =>
        verifyEntry(feed, bytes, record, { outer: foreign || bytes === last, inner: foreign || !SOUND_IN_STORE.includes(record.type) })
      )
    )
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

async function verifyEntry(
  feed: FeedName,
  bytes: Uint8Array,
  record: LedgerRecord,
  signatures: { readonly outer: boolean; readonly inner: boolean }
): Promise<LedgerEntry | null> {
  if (signatures.outer && !(await verifyRecordSignature(bytes, record))) return null
  const known = interpretRecord(record)
  const sound = known === null || known === 'unknown' || !signatures.inner || (await innerSignaturesHold(known))
  return { feed, record, known: sound ? known : null }
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
      return verifySpec(record.body.signed, record.body.job)
    default:
      return true
  }
}
