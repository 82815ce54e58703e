/** Appends to the author's own feeds. Appends that wait while others are signed travel together, in one transaction. */
import {
  encodeRecord,
  PeerComputeError,
  type AuthorId,
  type KeyPair,
  type RecordBody,
  type RecordHead,
  type RecordType
} from '@peercompute/job-specs'
import type { Feed } from './feed.ts'
import type { FeedName } from './feed-name.ts'
import type { FeedWriter, LedgerEntry } from './ledger.ts'
import { BATCH_MAX_BYTES, type LedgerLimits } from './limits.ts'
import { verifyRecords, type FeedPosition } from './verify-records.ts'

/** What a writer needs of the ledger that it belongs to. */
export interface WriterComponents {
  readonly ready: Promise<void>
  readonly limits: LedgerLimits
  now(): number
  /** Feed that takes this author's next record, as far as the ledger knows. */
  current(author: AuthorId): FeedName
  /** Runs with the feed held still. Rejects once the ledger is closed. */
  inTurn(feed: FeedName, task: (feed: Feed) => Promise<void>): Promise<void>
  /** Saves, applies, announces. */
  commit(feed: Feed, records: readonly Uint8Array[], entries: readonly LedgerEntry[], hash: string): Promise<void>
  /** First entry of the author's latest feed that has one: it opens the next feed, too. */
  opening(author: AuthorId): LedgerEntry | undefined
}

/** From here on, another epoch. */
interface Turnover {
  readonly kind: 'next-epoch'
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Waiting {
  readonly kind: 'record'
  readonly encode: (epoch: number, head: RecordHead | null) => Promise<Uint8Array>
  readonly opens: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Records signed for a feed's end, not yet part of it. */
interface Batch {
  readonly records: Uint8Array[]
  readonly entries: LedgerEntry[]
  readonly done: Waiting[]
  next: FeedPosition
}

export function createWriter(components: WriterComponents, author: KeyPair): FeedWriter {
  return new Writer(components, author)
}

class Writer implements FeedWriter {
  readonly #components: WriterComponents
  readonly #author: KeyPair
  readonly #id: AuthorId
  #waiting: (Waiting | Turnover)[] = []
  #draining = false
  /** Raised when a feed is full: the ledger learns of the new epoch with its first record only. */
  #epochMin = 0

  constructor(components: WriterComponents, author: KeyPair) {
    this.#components = components
    this.#author = author
    this.#id = author.publicKey as AuthorId
  }

  get feed(): FeedName {
    const current = this.#components.current(this.#id)
    return { author: this.#id, epoch: Math.max(current.epoch, this.#epochMin) }
  }

  append<T extends RecordType>(type: T, body: RecordBody<T>): Promise<void> {
    const { promise, resolve, reject }: PromiseWithResolvers<void> = Promise.withResolvers()
    this.#waiting.push({
      kind: 'record',
      encode: (epoch, head) => encodeRecord(this.#author, { epoch, head }, type, body, this.#components.now()),
      opens: type === 'feed.open' || type === 'coordinator.open',
      resolve,
      reject
    })
    if (!this.#draining) void this.#drain()
    return promise
  }

  nextEpoch(): Promise<void> {
    const { promise, resolve, reject }: PromiseWithResolvers<void> = Promise.withResolvers()
    this.#waiting.push({ kind: 'next-epoch', resolve, reject })
    if (!this.#draining) void this.#drain()
    return promise
  }

  async #drain(): Promise<void> {
    this.#draining = true
    try {
      await this.#components.ready
      while (this.#waiting.length > 0) await this.#components.inTurn(this.feed, (feed) => this.#appendBatch(feed))
    } catch (error) {
      for (const waiting of this.#waiting.splice(0)) waiting.reject(error)
    } finally {
      this.#draining = false
    }
  }

  async #appendBatch(feed: Feed): Promise<void> {
    if (feed.frozen) return
    const [first] = this.#waiting
    if (first?.kind === 'next-epoch') {
      if (feed.length > 1) this.#epochMin = feed.name.epoch + 1
      this.#waiting.shift()
      first.resolve()
      return
    }
    const batch: Batch = { records: [], entries: [], done: [], next: feed.next }
    if (feed.length === 0 && first?.opens === false) await this.#reopen(feed, batch)
    for (let waiting = this.#waiting[0]; waiting?.kind === 'record'; waiting = this.#waiting[0]) {
      const outcome = await this.#add(feed, batch, waiting)
      if (outcome === 'batch-full') break
      if (outcome === 'feed-full') {
        this.#epochMin = feed.name.epoch + 1
        break
      }
      this.#waiting.shift()
      if (outcome === 'added') batch.done.push(waiting)
      else waiting.reject(outcome)
    }
    if (batch.done.length === 0) return
    try {
      await this.#components.commit(feed, batch.records, batch.entries, batch.next.hash)
      for (const { resolve } of batch.done) resolve()
    } catch (error) {
      for (const { reject } of batch.done) reject(error)
    }
  }

  /** A new epoch begins like the one before. */
  async #reopen(feed: Feed, batch: Batch): Promise<void> {
    const known = this.#components.opening(this.#id)?.known
    if (known === undefined || known === null || known === 'unknown') return
    const bytes = await encodeRecord(this.#author, { epoch: feed.name.epoch, head: null }, known.type, known.body, this.#components.now())
    await this.#verify(feed, batch, bytes)
  }

  async #add(feed: Feed, batch: Batch, waiting: Waiting): Promise<'added' | 'batch-full' | 'feed-full' | Error> {
    const { epoch } = feed.name
    const { seq, hash } = batch.next
    try {
      const bytes = await waiting.encode(epoch, seq === 0 ? null : { epoch, seq: seq - 1, hash })
      const together = [...batch.records, bytes]
      const { recordsPerFeed, bytesPerFeed } = this.#components.limits
      if (feed.length + together.length > recordsPerFeed || feed.updateBytesWith(together) > bytesPerFeed) {
        // Behind the opening alone there is nothing that a new epoch would free.
        return seq > 1 ? 'feed-full' : new PeerComputeError('REQUEST_INVALID', `a record of ${bytes.length} bytes does not fit into a feed`)
      }
      if (batch.records.length > 0 && together.reduce((sum, record) => sum + record.length, 0) > BATCH_MAX_BYTES) return 'batch-full'
      return await this.#verify(feed, batch, bytes)
    } catch (error) {
      return new PeerComputeError('REQUEST_INVALID', 'the record cannot be encoded', { cause: error })
    }
  }

  /** Own records pass the same checks as foreign ones: what peers would refuse is refused here. */
  async #verify(feed: Feed, batch: Batch, bytes: Uint8Array): Promise<'added' | Error> {
    const verified = await verifyRecords(feed.name, batch.next, [bytes])
    const [entry] = verified.ok ? verified.entries : []
    if (!verified.ok || entry === undefined || entry.known === null) {
      const reason = verified.ok ? 'its body, or something signed inside it, does not hold' : `it would be refused as "${verified.refusal}"`
      return new PeerComputeError('REQUEST_INVALID', `record ${batch.next.seq} of the feed cannot be appended: ${reason}`)
    }
    batch.records.push(bytes)
    batch.entries.push(entry)
    batch.next = { seq: batch.next.seq + 1, hash: verified.hash }
    return 'added'
  }
}
