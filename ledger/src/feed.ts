/** One feed in memory: its Y.Doc and what was learnt while its records were verified. */
import { NO_PREVIOUS } from '@peercompute/job-specs'
import * as Y from 'yjs'
import { FEED_ROOT, feedClientId, feedGuid, type FeedName } from './feed-name.ts'
import { ITEM_OVERHEAD_BYTES, UPDATE_OVERHEAD_BYTES, writeFeedUpdate } from './feed-update.ts'
import type { LedgerEntry } from './ledger.ts'
import type { FeedPosition } from './verify-records.ts'

export class Feed {
  readonly name: FeedName
  readonly client: number
  readonly #doc: Y.Doc
  #entries: LedgerEntry[] = []
  #records: Uint8Array[] = []
  #hash = NO_PREVIOUS
  #updateBytes = UPDATE_OVERHEAD_BYTES
  /** Set when the author forked the feed: what is held stays, nothing more is taken. */
  frozen = false

  constructor(name: FeedName) {
    this.name = name
    this.client = feedClientId(name)
    this.#doc = new Y.Doc({ guid: feedGuid(name) })
  }

  get length(): number {
    return this.#records.length
  }

  get entries(): readonly LedgerEntry[] {
    return this.#entries
  }

  /** Bytes of the records, in order, as Yjs holds them. */
  get records(): readonly Uint8Array[] {
    return this.#records
  }

  get next(): FeedPosition {
    return { seq: this.#records.length, hash: this.#hash }
  }

  /** Upper bound of the bytes of `updateFrom(0)` once these records are in. */
  updateBytesWith(records: readonly Uint8Array[]): number {
    return records.reduce((sum, record) => sum + record.length + ITEM_OVERHEAD_BYTES, this.#updateBytes)
  }

  /** Update that carries these records at the feed's end. */
  encodeNext(records: readonly Uint8Array[]): Uint8Array {
    return writeFeedUpdate(this.client, { from: this.#records.length, records })
  }

  /** Takes an update of `encodeNext` over records that were verified at `next`, in one Yjs transaction. */
  apply(update: Uint8Array, entries: readonly LedgerEntry[], hash: string): void {
    const from = this.#records.length
    Y.applyUpdate(this.#doc, update)
    const added = this.#doc.getArray<Uint8Array>(FEED_ROOT).slice(from)
    this.#updateBytes = this.updateBytesWith(added)
    for (const record of added) this.#records.push(record)
    for (const entry of entries) this.#entries.push(entry)
    this.#hash = hash
  }

  updateFrom(from: number): Uint8Array | null {
    if (from >= this.#records.length) return null
    return Y.encodeStateAsUpdate(this.#doc, Y.encodeStateVector(new Map(from > 0 ? [[this.client, from]] : [])))
  }

  destroy(): void {
    this.#doc.destroy()
  }
}
