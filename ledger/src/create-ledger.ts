/** A replica of the ledger: the feeds it holds, the one way in, and what it tells others. */
import { canonicalBytes, PeerComputeError, sha256Hex, type AuthorId, type KeyPair } from '@peercompute/job-specs'
import { examineUpdate } from './admission.ts'
import { Feed } from './feed.ts'
import { feedKey, type FeedName } from './feed-name.ts'
import type { Admission, FeedWriter, Ledger, LedgerEntry, Refusal } from './ledger.ts'
import { DEFAULT_LIMITS, PENDING_BYTES_MAX, PENDING_UPDATES_MAX, UPDATE_MAX_BYTES, type LedgerLimits } from './limits.ts'
import type { LedgerStore } from './store.ts'
import { Turns } from './turns.ts'
import { createWriter, type WriterComponents } from './writer.ts'

export interface LedgerInit {
  /** Epoch milliseconds, for the advisory `ts` of own records. */
  readonly now: () => number
  readonly store: LedgerStore
  /** Authors of whom this replica takes nothing. Asked at every admission. */
  readonly banned?: (author: AuthorId) => boolean
  readonly limits?: Partial<LedgerLimits>
}

/** Loading from the store begins at once; `ready` tells when it is done. */
export function createLedger(init: LedgerInit): Ledger {
  return new FeedLedger(init)
}

class FeedLedger implements Ledger {
  readonly ready: Promise<void>
  readonly #store: LedgerStore
  readonly #banned: (author: AuthorId) => boolean
  readonly #limits: LedgerLimits
  readonly #feeds = new Map<string, Feed>()
  /** Feeds whose stored bytes did not all verify: never written to again, since records of them may be out there. */
  readonly #damaged: FeedName[] = []
  readonly #turns = new Turns()
  readonly #entryListeners = new Set<(entry: LedgerEntry) => void>()
  readonly #appendListeners = new Set<(feed: FeedName, update: Uint8Array) => void>()
  readonly #writers: WriterComponents
  #pendingBytes = 0
  #closed = false

  constructor(init: LedgerInit) {
    this.#store = init.store
    this.#banned = init.banned ?? (() => false)
    this.#limits = { ...DEFAULT_LIMITS, ...init.limits }
    this.ready = this.#load()
    this.ready.catch(() => undefined) // Whoever awaits `ready` or appends meets the error; nobody has to.
    this.#writers = {
      ready: this.ready,
      limits: this.#limits,
      now: init.now,
      current: (author) => this.#current(author),
      opening: (author) => this.#feedsOf(author).at(-1)?.entries[0],
      inTurn: (name, task) =>
        this.#turns.run(feedKey(name), () => {
          this.#mustBeOpen()
          return task(this.#feeds.get(feedKey(name)) ?? new Feed(name))
        }),
      commit: async (feed, records, entries, hash) => {
        const update = feed.encodeNext(records)
        await this.#store.save(feed.name, update)
        this.#mustBeOpen() // Saved, and there after the next start; too late to be announced now.
        this.#apply(feed, update, entries, hash)
        for (const listener of this.#appendListeners) listener(feed.name, update)
      }
    }
  }

  heads(): { author: AuthorId; epoch: number; length: number }[] {
    return [...this.#feeds.values()].map(({ name, length }) => ({ ...name, length }))
  }

  writer(author: KeyPair): FeedWriter {
    return createWriter(this.#writers, author)
  }

  updateFrom(name: FeedName, from: number): Uint8Array | null {
    return this.#feeds.get(feedKey(name))?.updateFrom(from) ?? null
  }

  async admit(name: FeedName, update: Uint8Array): Promise<Admission> {
    if (this.#closed) return refuse('stale')
    if (this.#banned(name.author)) return refuse('banned')
    if (update.length > UPDATE_MAX_BYTES) return refuse('size')
    const key = feedKey(name)
    if (this.#turns.waiting(key) >= PENDING_UPDATES_MAX || this.#pendingBytes + update.length > PENDING_BYTES_MAX) return refuse('quota')
    const copy = update.slice() // The caller may reuse its buffer while signatures are checked.
    this.#pendingBytes += copy.length
    try {
      return await this.#turns.run(key, async () => {
        await this.ready.catch(() => undefined)
        return this.#admitInTurn(name, copy, 'save')
      })
    } finally {
      this.#pendingBytes -= copy.length
    }
  }

  entries(name: FeedName): readonly LedgerEntry[] {
    return this.#feeds.get(feedKey(name))?.entries ?? []
  }

  onEntry(listener: (entry: LedgerEntry) => void): () => void {
    this.#entryListeners.add(listener)
    return () => {
      this.#entryListeners.delete(listener)
    }
  }

  onAppend(listener: (feed: FeedName, update: Uint8Array) => void): () => void {
    this.#appendListeners.add(listener)
    return () => {
      this.#appendListeners.delete(listener)
    }
  }

  foldHash(): string {
    const heads = [...this.#feeds.values()].map(({ name, next }) => [name.author, name.epoch, next.seq, next.hash] as const)
    return sha256Hex(canonicalBytes(heads.sort(([a, i], [b, j]) => (a === b ? i - j : a < b ? -1 : 1))))
  }

  close(): void {
    this.#closed = true
    this.#entryListeners.clear()
    this.#appendListeners.clear()
    for (const feed of this.#feeds.values()) feed.destroy()
    this.#feeds.clear()
  }

  /** Alone: whoever else has a turn waits for `ready`. */
  async #load(): Promise<void> {
    for (const { feed, update } of await this.#store.load()) {
      const admission = await this.#admitInTurn(feed, update, 'saved')
      if (!admission.applied && admission.refusal !== 'stale') this.#damaged.push(feed)
    }
  }

  async #admitInTurn(name: FeedName, update: Uint8Array, durability: 'save' | 'saved'): Promise<Admission> {
    const held = this.#feeds.get(feedKey(name))
    if (held === undefined && this.#feeds.size >= this.#limits.feeds) return refuse('quota')
    const feed = held ?? new Feed(name)
    const verdict = await examineUpdate(feed, update, this.#limits)
    if (!verdict.ok) return { applied: false, refusal: verdict.refusal, ...(verdict.proof ? { proof: verdict.proof } : {}) }
    if (this.#closed) return refuse('stale')
    const verified = feed.encodeNext(verdict.records)
    this.#apply(feed, verified, verdict.entries, verdict.hash)
    // Not durable is no reason to refuse: foreign records are asked for again after a restart.
    if (durability === 'save') await this.#store.save(name, verified).catch(() => undefined)
    return { applied: true, records: verdict.records.length }
  }

  #apply(feed: Feed, update: Uint8Array, entries: readonly LedgerEntry[], hash: string): void {
    feed.apply(update, entries, hash)
    this.#feeds.set(feedKey(feed.name), feed)
    for (const entry of entries) for (const listener of this.#entryListeners) listener(entry)
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new PeerComputeError('INTERNAL', 'the ledger is closed')
  }

  #feedsOf(author: AuthorId): Feed[] {
    return [...this.#feeds.values()].filter(({ name }) => name.author === author).sort((a, b) => a.name.epoch - b.name.epoch)
  }

  #current(author: AuthorId): FeedName {
    const last = this.#feedsOf(author).at(-1)
    const usable = last === undefined || !last.frozen
    const damaged = this.#damaged.filter((feed) => feed.author === author).map(({ epoch }) => epoch + 1)
    return { author, epoch: Math.max(last === undefined ? 0 : last.name.epoch + (usable ? 0 : 1), ...damaged) }
  }
}

function refuse(refusal: Refusal): Admission {
  return { applied: false, refusal }
}
