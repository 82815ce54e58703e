/**
 * The ledger protocol between two peers, over one channel. Symmetric: each side says what it holds (`heads`); who lacks
 * something asks (`want`); the other answers (`update`). What is read never waits for what is written, so two peers that
 * send each other megabytes cannot block one another. Everything queued is bounded: promises, not bytes.
 */
import { feedKey } from '@peercompute/ledger'
import { ledgerMessageSchema, type Frame, type LedgerMessage } from '@peercompute/job-specs/protocol'
import { asError } from './as-error.ts'
import { isOffence } from './refusals.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { Admission, FeedName, Ledger } from '@peercompute/ledger'

export const HEADS_MAX = 4_096
/** Questions under way at once. */
const ASKED_MAX = 64
/** Feeds that one peer may have us remember to ask for or to send. */
const REMEMBERED_MAX = HEADS_MAX
/** Own updates and announcements that may wait for a slow peer; what does not fit is repaired by the next exchange of heads. */
const NOTICES_MAX = 256

/** The other side broke the protocol or sent what an honest peer cannot have. */
export class PeerOffence extends Error {
  override readonly name = 'PeerOffence'
}

export interface SessionEvents {
  /** After each update from the other side, whatever became of it. */
  onAdmission(feed: FeedName, admission: Admission): void
}

interface Notice {
  readonly message: LedgerMessage
  readonly attachment?: Uint8Array
}
interface Wanted {
  readonly feed: FeedName
  readonly from: number | 'next'
}

export class LedgerSession {
  readonly remote: string
  readonly #channel: FrameChannel
  readonly #ledger: Ledger
  readonly #events: SessionEvents
  readonly #notices: Notice[] = []
  readonly #toAsk = new Map<string, Wanted>()
  /** Where each question under way began. */
  readonly #asked = new Map<string, number>()
  readonly #toSend = new Map<string, { feed: FeedName; from: number }>()
  #wake: () => void = () => undefined
  #over = false

  constructor(channel: FrameChannel, ledger: Ledger, events: SessionEvents) {
    this.remote = channel.remote
    this.#channel = channel
    this.#ledger = ledger
    this.#events = events
  }

  /** Exchanges until either side ends. Rejects with PeerOffence, or with the channel's error. */
  async run(): Promise<void> {
    this.sayHeads()
    const writing = this.#write()
    try {
      for await (const frame of this.#channel.frames) await this.#receive(frame)
    } finally {
      this.#over = true
      this.#wake()
      await writing
    }
  }

  /** Tells what is held: of all feeds, or of those given. Questions that were never answered may be asked again. */
  sayHeads(feeds?: readonly FeedName[]): void {
    if (feeds === undefined) this.#asked.clear()
    const only = feeds && new Set(feeds.map(feedKey))
    const heads = this.#ledger.heads().filter((head) => only === undefined || only.has(feedKey(head)))
    for (let start = 0; start < heads.length; start += HEADS_MAX) {
      this.#notify({
        message: {
          type: 'heads',
          feeds: heads.slice(start, start + HEADS_MAX).map(({ author, epoch, length }) => ({ author, epoch, length }))
        }
      })
    }
  }

  /** Sends an update unasked. */
  push(feed: FeedName, update: Uint8Array): void {
    this.#notify({ message: { type: 'update', author: feed.author, epoch: feed.epoch }, attachment: update })
  }

  /** Asks for what follows the own records of a feed, or for all of it. */
  ask(feed: FeedName, from: Wanted['from'] = 'next'): void {
    const key = feedKey(feed)
    if (this.#asked.has(key) || this.#toAsk.size >= REMEMBERED_MAX) return
    this.#toAsk.set(key, { feed, from })
    this.#wake()
  }

  close(): Promise<void> {
    return this.#channel.close()
  }

  abort(error: Error): void {
    this.#channel.abort(error)
  }

  #notify(notice: Notice): void {
    if (this.#notices.length >= NOTICES_MAX) this.#notices.shift()
    this.#notices.push(notice)
    this.#wake()
  }

  async #receive({ message, attachment }: Frame): Promise<void> {
    const parsed = ledgerMessageSchema.safeParse(message)
    if (!parsed.success) throw new PeerOffence('a message that is none of the ledger protocol')
    switch (parsed.data.type) {
      case 'heads': {
        const held = new Map(this.#ledger.heads().map((head) => [feedKey(head), head.length]))
        for (const head of parsed.data.feeds)
          if (head.length > (held.get(feedKey(head)) ?? 0)) this.ask({ author: head.author, epoch: head.epoch })
        return
      }
      case 'want':
        this.#owe({ author: parsed.data.author, epoch: parsed.data.epoch }, parsed.data.from)
        return
      case 'update':
        await this.#take({ author: parsed.data.author, epoch: parsed.data.epoch }, attachment)
    }
  }

  #owe(feed: FeedName, from: number): void {
    const key = feedKey(feed)
    const earlier = this.#toSend.get(key)
    if (earlier === undefined && this.#toSend.size >= REMEMBERED_MAX) throw new PeerOffence('more questions than there are feeds')
    this.#toSend.set(key, { feed, from: Math.min(from, earlier?.from ?? from) })
    this.#wake()
  }

  async #take(feed: FeedName, update: Uint8Array): Promise<void> {
    const askedFrom = this.#asked.get(feedKey(feed))
    const admission = await this.#ledger.admit(feed, update)
    this.#asked.delete(feedKey(feed))
    this.#wake()
    this.#events.onAdmission(feed, admission)
    if (admission.applied) return
    if (isOffence(admission.refusal)) throw new PeerOffence(`an update that was refused: ${admission.refusal}`)
    // an answer that does not fit is not asked for again: the same would come
    if (admission.refusal === 'gap' && askedFrom === undefined) this.ask(feed)
    // the author forked the feed: the whole other branch holds the proof
    if (admission.refusal === 'chain' && askedFrom !== 0) this.ask(feed, 0)
  }

  async #write(): Promise<void> {
    try {
      while (!this.#over) {
        const next = this.#next()
        if (next === null)
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        else await this.#channel.send(next.message, next.attachment)
      }
    } catch (error) {
      this.abort(asError(error))
    }
  }

  #next(): Notice | null {
    const notice = this.#notices.shift()
    if (notice !== undefined) return notice
    if (this.#asked.size < ASKED_MAX) {
      for (const [key, { feed, from }] of this.#toAsk) {
        const start = from === 'next' ? this.#ledger.entries(feed).length : from
        this.#toAsk.delete(key)
        this.#asked.set(key, start)
        return { message: { type: 'want', author: feed.author, epoch: feed.epoch, from: start } }
      }
    }
    for (const [key, { feed, from }] of this.#toSend) {
      this.#toSend.delete(key)
      const update = this.#ledger.updateFrom(feed, from)
      if (update !== null) return { message: { type: 'update', author: feed.author, epoch: feed.epoch }, attachment: update }
    }
    return null
  }
}
