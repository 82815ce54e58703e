/**
 * The ledger as its users see it: a set of signed feeds. One Y.Doc per (author, epoch), one `Y.Array('feed')` of records;
 * only what has passed the gate and the signature check is ever applied.
 */
import type { AuthorId, KeyPair, KnownRecord, LedgerRecord, RecordBody, RecordType } from '@peercompute/job-specs'

export interface FeedName { readonly author: AuthorId; readonly epoch: number }

/** Why an update was not applied. `stale`: nothing new (harmless). `gap`: earlier records are missing (ask for them). The rest is provably wrong. */
export type Refusal =
  | 'stale' | 'gap'
  | 'size' | 'structure' | 'foreign-client' | 'deletes' | 'root' | 'content' | 'position'
  | 'record' | 'signature' | 'chain' | 'equivocation' | 'quota' | 'banned'

export type Admission = { readonly applied: true; readonly records: number } | { readonly applied: false; readonly refusal: Refusal }

export interface LedgerEntry {
  readonly feed: FeedName
  readonly record: LedgerRecord
  /** The typed form, `'unknown'` for a type or version that is not ours, null when the body does not fit. */
  readonly known: KnownRecord | 'unknown' | null
}

export interface FeedWriter {
  readonly feed: FeedName
  /** Appends in one Yjs transaction and announces the update. */
  append<T extends RecordType>(type: T, body: RecordBody<T>): Promise<void>
}

export interface Ledger {
  heads(): readonly { author: AuthorId; epoch: number; length: number }[]
  /** Opens (or goes on with) the own feed. The first record must be `feed.open` or `coordinator.open`. */
  writer(author: KeyPair): FeedWriter
  /** Yjs update that carries records `from…` of a feed, or null when there is nothing. */
  updateFrom(feed: FeedName, from: number): Uint8Array | null
  /** The only way in for foreign bytes: gate, signatures, chain, then apply. Never throws on hostile input. */
  admit(feed: FeedName, update: Uint8Array): Promise<Admission>
  entries(feed: FeedName): readonly LedgerEntry[]
  /** Own and admitted entries, after they were applied. Returns the unsubscriber. */
  onEntry(listener: (entry: LedgerEntry) => void): () => void
  /** Raw updates to announce to peers: own appends only. */
  onAppend(listener: (feed: FeedName, update: Uint8Array) => void): () => void
  /** SHA-256 over all feeds' heads, sorted: equal on replicas that hold the same records. */
  foldHash(): string
  close(): void
}
