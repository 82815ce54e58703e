/**
 * The ledger as its users see it: a set of signed feeds. One Y.Doc per (author, epoch), one `Y.Array('feed')` of records;
 * only what has passed the gate and the signature check is ever applied.
 */
import type {
  AuthorId,
  ContentHash,
  KeyPair,
  KnownRecord,
  LedgerRecord,
  LedgerSnapshot,
  RecordBody,
  RecordType,
  RootId
} from '@peercompute/job-specs'
import type { CheckpointMark, HeldCheckpoint } from './checkpoint.ts'
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
  /**
   * What is appended from this call on goes to the author's next epoch, which opens like the present one. Does nothing where the
   * present epoch holds no more than its opening. Resolves when `feed` is the new one; rejects with the store's error.
   */
  nextEpoch(): Promise<void>
}

export interface Ledger {
  /** Resolves when the stored feeds and, where a root is followed, the stored checkpoint are back; rejects with the store's error. */
  readonly ready: Promise<void>
  /** The followed one. */
  readonly root: RootId | null
  /** Bytes of all feeds, as they travel. */
  readonly bytes: number
  /** What is held of each feed. Feeds that were dropped are not listed. */
  heads(): readonly { author: AuthorId; epoch: number; length: number }[]
  /** Opens (or goes on with) the own feed. The first record must be `feed.open` or `coordinator.open`. */
  writer(author: KeyPair): FeedWriter
  /** Yjs update that carries records `from…` of a feed, or null when there is nothing. Always fits into one ledger frame. */
  updateFrom(feed: FeedName, from: number): Uint8Array | null
  /** The only way in for foreign bytes: gate, signatures, chain, then apply. Never throws on hostile input. */
  admit(feed: FeedName, update: Uint8Array): Promise<Admission>
  /** A live view: it grows with the feed. */
  entries(feed: FeedName): readonly LedgerEntry[]
  /** Whose checkpoints count, from now on. */
  follow(root: RootId): void
  /** The newest checkpoint whose snapshot is held and verified. */
  checkpoint(): HeldCheckpoint | null
  /** The newest verified checkpoint that is newer than the held one; or the one that names `sha256`, when it is newer. */
  wantedSnapshot(sha256?: ContentHash): CheckpointMark | null
  /**
   * Takes the snapshot of a wanted checkpoint: keeps it, starts the state from it, and drops the feeds that nobody needs any more.
   * False, and nothing happens, when no wanted checkpoint names these bytes, or they are no snapshot of the followed root.
   */
  adopt(encoded: Uint8Array): Promise<boolean>
  /** The state must be read anew: a snapshot was adopted, or feeds went or were cut. Returns the unsubscriber. */
  onCheckpoint(listener: () => void): () => void
  /** True when the held checkpoint sums up the first `length` records of the feed. */
  covered(feed: FeedName, length: number): boolean
  /** What a snapshot of the present state sums up: all that is held, and all that the held checkpoint sums up. */
  covers(): LedgerSnapshot['covers']
  /** Whether to ask a peer that holds `length` records of a feed for those missing here. */
  lacks(feed: FeedName, length: number): boolean
  /** Proof that the feed's author signed two records for one place. What stands before that place is still good. */
  fork(feed: FeedName): EquivocationProof | null
  /** `false`: it proves nothing. `ignored`: known, or about a feed that is not held. `new`: verified, kept, the feed is cut. */
  learnFork(proof: EquivocationProof): Promise<'new' | 'ignored' | 'false'>
  /** Forks found here or learnt. Returns the unsubscriber. */
  onFork(listener: (proof: EquivocationProof) => void): () => void
  /** Own, stored and admitted entries, after they were applied. Returns the unsubscriber. Listeners must not throw. */
  onEntry(listener: (entry: LedgerEntry) => void): () => void
  /** Raw updates to announce to peers: own appends only. At most GOSSIP_MAX_BYTES, unless one record alone is bigger. */
  onAppend(listener: (feed: FeedName, update: Uint8Array) => void): () => void
  /** SHA-256 over all feeds' heads, sorted: equal on replicas that hold the same records. */
  foldHash(): string
  /**
   * Resolves when the store has what was applied so far, or will not have it. Own records are saved before they are applied; those of
   * others afterwards. Wait for it before the store is closed.
   */
  saved(): Promise<void>
  /** Afterwards nothing is applied: `admit` answers `stale`, `append` rejects. */
  close(): void
}
