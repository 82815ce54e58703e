/**
 * The ledger as its users see it: a set of signed feeds. One Y.Doc per (author, epoch), one `Y.Array('feed')` of records;
 * only what has passed the gate and the signature check is ever applied.
 */
import type { AuthorId, KeyPair, KnownRecord, LedgerRecord, RecordBody, RecordType } from '@peercompute/job-specs'
import type { EquivocationProof } from './equivocation.ts'
import type { FeedName } from './feed-name.ts'

/**
 * Why an update was not applied.
 *
 * `stale`: nothing new (harmless). `gap`: earlier records are missing (ask for them). `quota`: this replica holds or checks as
 * much as it may (ask later). `banned`: this replica's choice. `chain` and `equivocation` accuse the author, not the peer who
 * passed it on; on `chain`, asking for the feed from 0 brings the proof. The rest is provably wrong: an honest peer never sends it.
 */
export type Refusal =
  | 'stale'
  | 'gap'
  | 'size'
  | 'structure'
  | 'foreign-client'
  | 'deletes'
  | 'root'
  | 'content'
  | 'position'
  | 'record'
  | 'signature'
  | 'chain'
  | 'equivocation'
  | 'quota'
  | 'banned'

export type Admission =
  | { readonly applied: true; readonly records: number }
  | { readonly applied: false; readonly refusal: Refusal; /** Comes with `equivocation`. */ readonly proof?: EquivocationProof }

export interface LedgerEntry {
  readonly feed: FeedName
  readonly record: LedgerRecord
  /**
   * The typed form, `'unknown'` for a type or version that is not ours, null when the body does not fit or something signed
   * inside it (a certificate, a job) does not hold.
   */
  readonly known: KnownRecord | 'unknown' | null
}

export interface FeedWriter {
  /** The feed of the next record. Moves to the author's next epoch when the present one is full, forked or damaged on disk. */
  readonly feed: FeedName
  /**
   * Appends: checked like foreign records, saved, applied, announced, then resolved. Appends that wait together travel in one
   * update. Rejects with REQUEST_INVALID (the ledger would refuse it) or with the store's error; then nothing was appended.
   */
  append<T extends RecordType>(type: T, body: RecordBody<T>): Promise<void>
}

export interface Ledger {
  /** Resolves when the stored feeds are back; rejects with the store's error. Appending waits for it by itself. */
  readonly ready: Promise<void>
  heads(): readonly { author: AuthorId; epoch: number; length: number }[]
  /** Opens (or goes on with) the own feed. The first record must be `feed.open` or `coordinator.open`. */
  writer(author: KeyPair): FeedWriter
  /** Yjs update that carries records `from…` of a feed, or null when there is nothing. Always fits into one ledger frame. */
  updateFrom(feed: FeedName, from: number): Uint8Array | null
  /** The only way in for foreign bytes: gate, signatures, chain, then apply. Never throws on hostile input. */
  admit(feed: FeedName, update: Uint8Array): Promise<Admission>
  /** A live view: it grows with the feed. */
  entries(feed: FeedName): readonly LedgerEntry[]
  /** Own, stored and admitted entries, after they were applied. Returns the unsubscriber. Listeners must not throw. */
  onEntry(listener: (entry: LedgerEntry) => void): () => void
  /** Raw updates to announce to peers: own appends only. At most GOSSIP_MAX_BYTES, unless one record alone is bigger. */
  onAppend(listener: (feed: FeedName, update: Uint8Array) => void): () => void
  /** SHA-256 over all feeds' heads, sorted: equal on replicas that hold the same records. */
  foldHash(): string
  /** Afterwards nothing is applied: `admit` answers `stale`, `append` rejects. */
  close(): void
}
