/** One feed in memory: its Y.Doc and what was learnt while its records were verified. */
import { interpretRecord, jobIdOf, NO_PREVIOUS, recordHash, type JobId } from '@peercompute/job-specs'
import * as Y from 'yjs'
import { FEED_ROOT, feedClientId, feedGuid, type FeedName } from './feed-name.ts'
import { ITEM_OVERHEAD_BYTES, UPDATE_OVERHEAD_BYTES, writeFeedUpdate } from './feed-update.ts'
import type { LedgerEntry } from './ledger.ts'
import type { FeedPosition } from './verify-records.ts'

export class Feed {
  readonly name: FeedName
  readonly client: number
  /**
   * Written by this replica and by nobody else as far as it knows: it holds all of it. Where a replica was given records of its own
   * author, there may be more elsewhere, and going on would fork the feed.
   */
  own: boolean
  /** Records of it that are in the store. */
  saved = 0
  #doc: Y.Doc
  #entries: LedgerEntry[] = []
  #records: Uint8Array[] = []
  #hash = NO_PREVIOUS
  #updateBytes = UPDATE_OVERHEAD_BYTES
  #jobs: JobId[] = []
  #searchedForJobs = 0
  /** Records before the first that carries something signed by somebody else which does not hold. See `unsaved`. */
  #sound = 0
  /** Records before the place that the author signed twice: they alone count, and nothing more is taken. */
  #limit = Number.POSITIVE_INFINITY

  constructor(name: FeedName, own = false) {
    this.name = name
    this.own = own
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

  /** Upper bound of the bytes of `updateFrom(0)`. */
  get bytes(): number {
    return this.#updateBytes
  }

  get limit(): number {
    return this.#limit
  }

  get frozen(): boolean {
    return Number.isFinite(this.#limit)
  }

  /** Jobs that are published here. Found when asked for: it costs a hash each. */
  get jobs(): readonly JobId[] {
    for (const { known } of this.#entries.slice(this.#searchedForJobs)) {
      if (known === null || known === 'unknown' || known.type !== 'job.publish') continue
      const { author, spec } = known.body.signed
      this.#jobs.push(jobIdOf(author, spec))
    }
    this.#searchedForJobs = this.#entries.length
    return this.#jobs
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
    if (this.#sound === from) {
      const unsound = entries.findIndex(carriesForgery)
      this.#sound = unsound === -1 ? this.#records.length : from + unsound
    }
    this.#hash = hash
  }

  /** The author signed two records for place `seq`: from there on nothing counts. True when records had to go. */
  freezeAt(seq: number): boolean {
    this.#limit = Math.min(this.#limit, seq)
    if (this.length <= this.#limit) return false
    const [records, entries] = [this.#records.slice(0, this.#limit), this.#entries.slice(0, this.#limit)]
    this.#doc.destroy()
    this.#doc = new Y.Doc({ guid: feedGuid(this.name) })
    this.#records = []
    this.#entries = []
    this.#jobs = []
    this.#searchedForJobs = 0
    this.#sound = 0
    this.#hash = NO_PREVIOUS
    this.#updateBytes = UPDATE_OVERHEAD_BYTES
    const last = records.at(-1)
    if (last !== undefined) this.apply(this.encodeNext(records), entries, recordHash(last))
    return true
  }

  /**
   * Update for the store with what it lacks, and the length of the feed there afterwards. From the first record on that carries a forgery
   * (it counts as part of the chain, but says nothing) nothing is stored, because `verifyStored` does not look for forgeries again.
   */
  unsaved(): { readonly update: Uint8Array | null; readonly length: number } {
    const records = this.#records.slice(this.saved, this.#sound)
    return {
      update: records.length === 0 ? null : writeFeedUpdate(this.client, { from: this.saved, records }),
      length: this.saved + records.length
    }
  }

  updateFrom(from: number): Uint8Array | null {
    if (from >= this.#records.length) return null
    return Y.encodeStateAsUpdate(this.#doc, Y.encodeStateVector(new Map(from > 0 ? [[this.client, from]] : [])))
  }

  destroy(): void {
    this.#doc.destroy()
  }
}

/** Not one whose body merely does not fit: that is seen again when it is read again. */
function carriesForgery({ record, known }: LedgerEntry): boolean {
  return known === null && interpretRecord(record) !== null
}
