/** A replica of the ledger: the feeds it holds, the one way in, what it forgets, and what it tells others. */
import {
  canonicalBytes,
  PeerComputeError,
  sha256Hex,
  type AuthorId,
  type ContentHash,
  type KeyPair,
  type RootId
} from '@peercompute/job-specs'
import { examineUpdate, refuse } from './admission.ts'
import type { CheckpointMark, HeldCheckpoint } from './checkpoint.ts'
import { Checkpoints } from './checkpoints.ts'
import { verifyEquivocation, type EquivocationProof } from './equivocation.ts'
import { Feed } from './feed.ts'
import { feedClientId, feedKey, type FeedName } from './feed-name.ts'
import { FeedSaver } from './feed-saver.ts'
import { FeedShelf, type Worth } from './feed-shelf.ts'
import { joinFeedUpdates } from './feed-update.ts'
import type { Admission, FeedWriter, Ledger, LedgerEntry } from './ledger.ts'
import { DEFAULT_LIMITS, PENDING_BYTES_MAX, PENDING_UPDATES_MAX, UPDATE_MAX_BYTES, type LedgerLimits } from './limits.ts'
import { Listeners } from './listeners.ts'
import { openSnapshot } from './snapshot.ts'
import { byFeed, type LedgerStore } from './store.ts'
import { Turns } from './turns.ts'
import { verifyHere, verifyStored, type RecordVerifier } from './verify-records.ts'
import { createWriter, type WriterComponents } from './writer.ts'

export interface LedgerInit {
  /** Epoch milliseconds, for the advisory `ts` of own records, and for the number of an author's first epoch. */
  readonly now: () => number
  readonly store: LedgerStore
  /** Authors of whom this replica takes nothing. Asked at every admission. */
  readonly banned?: (author: AuthorId) => boolean
  readonly limits?: Partial<LedgerLimits>
  /** Where foreign records are verified. By default in this thread. */
  readonly verifier?: RecordVerifier
}

/** Loading from the store begins at once; `ready` tells when it is done. */
export function createLedger(init: LedgerInit): Ledger {
  return new FeedLedger(init)
}

class FeedLedger implements Ledger {
  readonly ready: Promise<void>
  readonly #now: () => number
  readonly #store: LedgerStore
  readonly #banned: (author: AuthorId) => boolean
  readonly #limits: LedgerLimits
  readonly #verifier: RecordVerifier
  readonly #shelf: FeedShelf
  readonly #saver: FeedSaver
  /** Authors who write here. */
  readonly #own = new Set<AuthorId>()
  /** Own authors' feeds that came from others and are not saved yet: see `#mayBeSaved`. */
  readonly #unsaved = new Set<Feed>()
  /** Feeds whose stored bytes did not all verify: never written to again, since records of them may be out there. */
  readonly #damaged: FeedName[] = []
  readonly #forks = new Map<string, EquivocationProof>()
  readonly #turns = new Turns()
  readonly #onEntry = new Listeners<[LedgerEntry]>()
  readonly #onAppend = new Listeners<[FeedName, Uint8Array]>()
  readonly #onCheckpoint = new Listeners<[]>()
  readonly #onFork = new Listeners<[EquivocationProof]>()
  readonly #writers: WriterComponents
  #checkpoints: Checkpoints | null = null
  /** From the store: adopted as soon as a record of a followed coordinator names it. */
  #storedSnapshot: Uint8Array | null = null
  /** Own feeds with a lower epoch may be longer elsewhere. */
  #ownFrom = 0
  #pendingBytes = 0
  #closed = false

  constructor(init: LedgerInit) {
    this.#now = init.now
    this.#store = init.store
    this.#banned = init.banned ?? (() => false)
    this.#limits = { ...DEFAULT_LIMITS, ...init.limits }
    this.#verifier = init.verifier ?? verifyHere
    this.#shelf = new FeedShelf(this.#limits)
    this.#saver = new FeedSaver(init.store)
    this.ready = this.#load()
    this.ready.catch(() => undefined) // Whoever awaits `ready` or appends meets the error; nobody has to.
    this.#writers = {
      ready: this.ready,
      limits: this.#limits,
      now: init.now,
      current: (author) => this.#current(author),
      opening: (author) => this.#shelf.of(author).findLast(({ length }) => length > 0)?.entries[0],
      inTurn: (name, task) =>
        this.#turns.run(feedKey(name), () => {
          this.#mustBeOpen()
          return task(this.#shelf.get(name) ?? new Feed(name, true))
        }),
      commit: async (feed, records, entries, hash) => {
        const update = feed.encodeNext(records)
        await this.#saver.append(feed, update, records.length)
        this.#mustBeOpen() // Saved, and there after the next start; too late to be announced now.
        this.#apply(feed, update, entries, hash)
        this.#onAppend.tell(feed.name, update)
        await this.#saveUnsaved(feed.name.author)
      }
    }
  }

  get root(): RootId | null {
    return this.#checkpoints?.root ?? null
  }

  get bytes(): number {
    return this.#shelf.bytes
  }

  heads(): { author: AuthorId; epoch: number; length: number }[] {
    return this.#shelf.all.filter(({ length }) => length > 0).map(({ name, length }) => ({ ...name, length }))
  }

  writer(author: KeyPair): FeedWriter {
    this.#own.add(author.publicKey as AuthorId)
    return createWriter(this.#writers, author)
  }

  updateFrom(name: FeedName, from: number): Uint8Array | null {
    return this.#shelf.get(name)?.updateFrom(from) ?? null
  }

  async admit(name: FeedName, update: Uint8Array): Promise<Admission> {
    if (this.#closed) return refuse('stale')
    if (this.#banned(name.author)) return refuse('banned')
    if (update.length > UPDATE_MAX_BYTES) return refuse('size')
    const key = feedKey(name)
    if (this.#turns.waiting(key) >= PENDING_UPDATES_MAX || this.#pendingBytes + update.length > PENDING_BYTES_MAX) return refuse('quota')
    const copy = new Uint8Array(update) // The caller may reuse its buffer while signatures are checked.
    this.#pendingBytes += copy.length
    try {
      return await this.#turns.run(key, async () => {
        await this.ready.catch(() => undefined)
        return this.#admitInTurn(name, copy, 'save', this.#verifier)
      })
    } finally {
      this.#pendingBytes -= copy.length
    }
  }

  entries(name: FeedName): readonly LedgerEntry[] {
    return this.#shelf.get(name)?.entries ?? []
  }

  onEntry(listener: (entry: LedgerEntry) => void): () => void {
    return this.#onEntry.add(listener)
  }

  onAppend(listener: (feed: FeedName, update: Uint8Array) => void): () => void {
    return this.#onAppend.add(listener)
  }

  onCheckpoint(listener: () => void): () => void {
    return this.#onCheckpoint.add(listener)
  }

  onFork(listener: (proof: EquivocationProof) => void): () => void {
    return this.#onFork.add(listener)
  }

  follow(root: RootId): void {
    if (this.#checkpoints?.root === root) return
    this.#checkpoints = new Checkpoints(root)
    for (const entry of this.#allEntries()) this.#checkpoints.learn(entry)
    this.#onCheckpoint.tell()
    void this.#adoptStored()
  }

  checkpoint(): HeldCheckpoint | null {
    return this.#checkpoints?.held ?? null
  }

  wantedSnapshot(sha256?: ContentHash): CheckpointMark | null {
    return this.#checkpoints?.wanted(sha256) ?? null
  }

  async adopt(encoded: Uint8Array): Promise<boolean> {
    await this.ready.catch(() => undefined)
    return this.#turns.run('checkpoint', () => this.#adoptInTurn(encoded, 'save'))
  }

  covered(feed: FeedName, length: number): boolean {
    return (this.#checkpoints?.coveredLength(feed) ?? 0) >= length
  }

  covers(): ReturnType<Ledger['covers']> {
    const before = this.checkpoint()?.snapshot.covers.filter((feed) => (this.#shelf.get(feed)?.length ?? 0) < feed.length) ?? []
    const known = new Set(before.map(feedKey))
    const held = this.#shelf.all.filter(({ name, length }) => length > 0 && !known.has(feedKey(name)))
    return [...before, ...held.map(({ name, next }) => ({ ...name, length: next.seq, hash: next.hash as ContentHash }))]
  }

  lacks(feed: FeedName, length: number): boolean {
    const held = this.#shelf.get(feed)
    return (
      length > (held?.length ?? 0) &&
      (held === undefined || held.length < held.limit) &&
      length > this.#shelf.shedLength(feed) &&
      !this.covered(feed, length) &&
      !this.#banned(feed.author)
    )
  }

  fork(feed: FeedName): EquivocationProof | null {
    return this.#forks.get(feedKey(feed)) ?? null
  }

  async learnFork(proof: EquivocationProof): Promise<'new' | 'ignored' | 'false'> {
    const news = () => !this.#closed && proof.seq < (this.#shelf.get(proof.feed)?.limit ?? 0)
    await this.ready.catch(() => undefined)
    if (!news()) return 'ignored'
    if (!(await verifyEquivocation(proof))) return 'false'
    return this.#turns.run(feedKey(proof.feed), async () => {
      const feed = this.#shelf.get(proof.feed)
      if (feed === undefined || !news()) return 'ignored'
      await this.#freeze(feed, proof)
      return 'new'
    })
  }

  foldHash(): string {
    const heads = this.#shelf.all.map(({ name, next }) => [name.author, name.epoch, next.seq, next.hash] as const)
    return sha256Hex(canonicalBytes(heads.sort(([a, i], [b, j]) => (a === b ? i - j : a < b ? -1 : 1))))
  }

  saved = (): Promise<void> => this.#saver.settled()

  close(): void {
    this.#closed = true
    for (const listeners of [this.#onEntry, this.#onAppend, this.#onCheckpoint, this.#onFork]) listeners.clear()
    for (const feed of this.#shelf.all) this.#shelf.remove(feed, false)
  }

  /** Alone: whoever else has a turn waits for `ready`. */
  async #load(): Promise<void> {
    const { feeds, snapshot, forks, ownFrom = 0 } = await this.#store.load()
    this.#ownFrom = ownFrom
    for (const { feed, updates } of byFeed(feeds)) await this.#loadFeed(feed, updates)
    for (const proof of forks) {
      const feed = this.#shelf.get(proof.feed)
      if (feed === undefined || !(await verifyEquivocation(proof))) continue
      this.#forks.set(feedKey(proof.feed), proof)
      feed.freezeAt(proof.seq)
      this.#shelf.put(feed)
    }
    this.#storedSnapshot = snapshot
    await this.#adoptStored()
  }

  async #loadFeed(feed: FeedName, updates: readonly Uint8Array[]): Promise<void> {
    const whole = joinFeedUpdates(feedClientId(feed), updates)
    const stored = whole === null ? null : await this.#admitInTurn(feed, whole, 'saved', verifyStored)
    if (stored?.applied === true) return
    // Something is damaged: what stands before it is taken as far as every signature holds.
    for (const update of updates) {
      const admission = await this.#admitInTurn(feed, update, 'saved', this.#verifier)
      if (!admission.applied && admission.refusal !== 'stale') this.#damaged.push(feed)
    }
  }

  async #adoptStored(): Promise<void> {
    const stored = this.#storedSnapshot
    if (stored === null) return
    if (await this.#turns.run('checkpoint', () => this.#adoptInTurn(stored, 'saved'))) this.#storedSnapshot = null
  }

  async #admitInTurn(name: FeedName, update: Uint8Array, durability: 'save' | 'saved', verifier: RecordVerifier): Promise<Admission> {
    const feed = this.#shelf.get(name) ?? new Feed(name, durability === 'saved')
    if (feed.length === 0 && durability === 'save' && !this.#mayBegin(name)) return refuse('quota')
    const verdict = await examineUpdate(feed, update, this.#limits, verifier, this.fork(name))
    if (this.#closed) return refuse('stale')
    if (!verdict.ok) {
      const { refusal, proof } = verdict
      if (proof !== undefined && proof.seq < feed.limit) await this.#freeze(feed, proof)
      return { applied: false, refusal, ...(proof === undefined ? {} : { proof }) }
    }
    const verified = feed.encodeNext(verdict.records)
    if (durability === 'save' && !this.#makeRoom(name, verified.length)) return refuse('quota')
    this.#apply(feed, verified, verdict.entries, verdict.hash)
    if (durability === 'save') {
      feed.own = false
      if (this.#mayBeSaved(feed)) this.#saver.later(feed)
      else this.#unsaved.add(feed)
    } else {
      feed.saved = feed.length
    }
    return { applied: true, records: verdict.records.length }
  }

  #apply(feed: Feed, update: Uint8Array, entries: readonly LedgerEntry[], hash: string): void {
    feed.apply(update, entries, hash)
    this.#shelf.put(feed)
    const lost = entries.reduce((any, entry) => (this.#checkpoints?.learn(entry) ?? false) || any, false)
    for (const entry of entries) this.#onEntry.tell(entry)
    if (lost) this.#onCheckpoint.tell()
  }

  async #freeze(feed: Feed, proof: EquivocationProof): Promise<void> {
    this.#forks.set(feedKey(feed.name), proof)
    const cut = feed.freezeAt(proof.seq)
    if (cut) this.#shelf.put(feed)
    await Promise.allSettled([this.#store.saveFork(proof), ...(cut ? [this.#saver.replace(feed)] : [])])
    this.#onFork.tell(proof)
    if (cut) this.#onCheckpoint.tell()
  }

  async #adoptInTurn(encoded: Uint8Array, durability: 'save' | 'saved'): Promise<boolean> {
    const checkpoints = this.#checkpoints
    if (checkpoints === null || this.#closed) return false
    const checkpoint = await openSnapshot(encoded, (sha256) => checkpoints.wanted(sha256), checkpoints.root)
    // Meanwhile another root may be followed, or the coordinator may have lost its say.
    if (checkpoint === null || checkpoints !== this.#checkpoints || checkpoints.wanted(checkpoint.sha256) === null) return false
    checkpoints.hold(checkpoint, this.#allEntries())
    if (durability === 'save') await this.#store.saveSnapshot(checkpoint, checkpoint.encoded).catch(() => undefined)
    for (const feed of this.#shelf.all) if (this.#isPast(feed)) this.#drop(feed)
    this.#onCheckpoint.tell()
    return true
  }

  /** Summed up to its end, and about nothing that goes on. */
  #isPast(feed: Feed): boolean {
    return this.#worthOf(feed) === 'covered' && !feed.jobs.some((job) => this.#checkpoints?.isLive(job) ?? true)
  }

  #worthOf(feed: Feed): Worth {
    const { author } = feed.name
    // An own feed that others may hold more of goes like a foreign one.
    if (this.#own.has(author) && feed === this.#shelf.of(author).at(-1)) return 'needed'
    if (this.covered(feed.name, feed.length)) return this.#turns.waiting(feedKey(feed.name)) > 0 ? 'needed' : 'covered'
    if (this.#own.has(author) || (this.#checkpoints?.isCoordinator(author) ?? false)) return 'needed'
    if (this.#turns.waiting(feedKey(feed.name)) > 0) return 'needed'
    return feed.jobs.some((job) => this.#checkpoints?.isLive(job) ?? false) ? 'needed' : 'idle'
  }

  #mayBegin({ author }: FeedName): boolean {
    const known = this.#own.has(author) || (this.#checkpoints?.isCoordinator(author) ?? false)
    return known || this.#shelf.of(author).length < this.#limits.feedsPerAuthor
  }

  #makeRoom(name: FeedName, bytes: number): boolean {
    const victims = this.#shelf.roomFor(name, bytes, (feed) => this.#worthOf(feed))
    if (victims === null) return false
    let shed = false
    for (const feed of victims) {
      shed ||= !this.covered(feed.name, feed.length)
      this.#drop(feed)
    }
    if (shed) this.#onCheckpoint.tell()
    return true
  }

  /** Gone from memory at once, from the store when its turn there comes. */
  #drop(feed: Feed): void {
    this.#shelf.remove(feed, !this.covered(feed.name, feed.length))
    this.#forks.delete(feedKey(feed.name))
    this.#unsaved.delete(feed)
    this.#saver.drop(feed.name)
  }

  /**
   * A store that was lost must not learn an own feed from others and later take it for one that it wrote: where it is the newest, more
   * of it may be out there. It is saved as soon as this replica has written a newer one.
   */
  #mayBeSaved({ name }: Feed): boolean {
    return !this.#own.has(name.author) || this.#shelf.of(name.author).some((feed) => feed.own && feed.name.epoch > name.epoch)
  }

  async #saveUnsaved(author: AuthorId): Promise<void> {
    for (const feed of this.#unsaved) {
      if (feed.name.author !== author || !this.#mayBeSaved(feed)) continue
      this.#unsaved.delete(feed)
      await this.#saver.replace(feed).catch(() => undefined)
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new PeerComputeError('INTERNAL', 'the ledger is closed')
  }

  #allEntries(): readonly LedgerEntry[] {
    return this.#shelf.all.flatMap(({ entries }) => entries)
  }

  #current(author: AuthorId): FeedName {
    const last = this.#shelf.of(author).at(-1)
    const damaged = this.#damaged.filter((feed) => feed.author === author).map(({ epoch }) => epoch)
    const known = Math.max(last?.name.epoch ?? -1, ...damaged)
    const whole = last?.own === true && !last.frozen && !damaged.includes(known)
    if (whole && known === last.name.epoch && known >= this.#ownFrom) return last.name
    // Whose store was lost cannot know its epochs: the time is a number that it has not used.
    const lost = damaged.length === 0 && last?.own !== true
    return { author, epoch: Math.max(known + 1, this.#ownFrom, lost ? Math.floor(this.#now() / 1_000) : 0) }
  }
}
