/**
 * The ledger protocol between two peers, over one channel. Symmetric: each side says what it holds (`heads`); who lacks
 * something asks (`want`); the other answers (`update`). What is read never waits for what is written, so two peers that
 * send each other megabytes cannot block one another. Everything queued is bounded: promises, not bytes.
 */
import { decodeFork, encodeFork, feedKey, type EquivocationProof } from '@peercompute/ledger'
import { ledgerMessageSchema, type Frame, type LedgerMessage } from '@peercompute/job-specs/protocol'
import { asError } from './as-error.ts'
import { CatchUp } from './ledger-catch-up.ts'
import { isOffence } from './refusals.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { Clock } from './time/clock.ts'
import type { ContentHash } from '@peercompute/job-specs'
import type { Admission, FeedName, Ledger } from '@peercompute/ledger'

export const HEADS_MAX = 4_096
/** Questions under way at once. */
const ASKED_MAX = 64
/** Feeds that one peer may have us remember to ask for or to send. */
const REMEMBERED_MAX = HEADS_MAX
/** Own updates and announcements that may wait for a slow peer; what does not fit is repaired by the next exchange of heads. */
const NOTICES_MAX = 256

/** A feed that did not fit is left alone for this time. */
const DECLINED_MS = 120_000

/** The other side broke the protocol or sent what an honest peer cannot have. */
export class PeerOffence extends Error {
  override readonly name = 'PeerOffence'
}

export interface SessionInit {
  readonly channel: FrameChannel
  readonly ledger: Ledger
  readonly clock: Clock
  /** Snapshots that some session is being sent. Shared by all sessions. */
  readonly fetching: Set<ContentHash>
  /** After each update from the other side, whatever became of it. */
  readonly onAdmission: (feed: FeedName, admission: Admission) => void
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
  readonly #clock: Clock
  readonly #onAdmission: SessionInit['onAdmission']
  readonly #catchUp: CatchUp
  readonly #notices: Notice[] = []
  readonly #toAsk = new Map<string, Wanted>()
  /** Where each question under way began. */
  readonly #asked = new Map<string, number>()
  readonly #toSend = new Map<string, { feed: FeedName; from: number }>()
  /** Forks that the other side knows, by feed: from here or from there. */
  readonly #forksTold = new Map<string, number>()
  /** Feeds for which there was no room here, with the time from which they may be asked for again. */
  readonly #declined = new Map<string, number>()
  #snapshotOwed: ContentHash | null = null
  #wake: () => void = () => undefined
  #over = false

  constructor({ channel, ledger, clock, fetching, onAdmission }: SessionInit) {
    this.remote = channel.remote
    this.#channel = channel
    this.#ledger = ledger
    this.#clock = clock
    this.#onAdmission = onAdmission
    this.#catchUp = new CatchUp({
      ledger,
      clock,
      fetching,
      most: REMEMBERED_MAX,
      askFeed: (feed) => {
        this.ask(feed)
      },
      askSnapshot: (sha256) => {
        this.#notify({ message: { type: 'want-snapshot', sha256 } })
      }
    })
  }

  /** Exchanges until either side ends. Rejects with PeerOffence, or with the channel's error. */
  async run(): Promise<void> {
    this.sayHeads()
    const writing = this.#write()
    try {
      for await (const frame of this.#channel.frames) await this.#receive(frame)
    } finally {
      this.#over = true
      this.#catchUp.stop()
      this.#wake()
      await writing
    }
  }

  /** Tells what is held: of all feeds, or of those given. Questions that were never answered may be asked again. */
  sayHeads(feeds?: readonly FeedName[]): void {
    if (feeds === undefined) for (const unanswered of [this.#asked, this.#forksTold]) unanswered.clear()
    const only = feeds && new Set(feeds.map(feedKey))
    const heads = this.#ledger.heads().filter((head) => only === undefined || only.has(feedKey(head)))
    const held = this.#ledger.checkpoint()
    const checkpoint = held === null ? {} : { checkpoint: { ...held.feed, snapshot: held.sha256 } }
    for (let start = 0; start < heads.length; start += HEADS_MAX) {
      const told = heads.slice(start, start + HEADS_MAX).map(({ author, epoch, length }) => ({ author, epoch, length }))
      this.#notify({ message: { type: 'heads', feeds: told, ...checkpoint } })
    }
  }

  /** Sends an update unasked. */
  push(feed: FeedName, update: Uint8Array): void {
    this.#notify({ message: { type: 'update', author: feed.author, epoch: feed.epoch }, attachment: update })
  }

  /** Passes a proof on, unless the other side has it. */
  tellFork(proof: EquivocationProof): void {
    const key = feedKey(proof.feed)
    if (this.#forksTold.size >= REMEMBERED_MAX) this.#forksTold.clear()
    if (proof.seq >= (this.#forksTold.get(key) ?? Number.POSITIVE_INFINITY)) return
    this.#forksTold.set(key, proof.seq)
    this.#notify(encodeFork(proof))
  }

  /** The ledger begins from another checkpoint. */
  checkpointChanged(): void {
    this.#catchUp.advance()
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
    const said = parsed.data
    switch (said.type) {
      case 'heads':
        for (const head of said.feeds) this.#correct(head)
        this.#catchUp.hear({ ...said, feeds: said.feeds.filter((head) => !this.#isDeclined(head)) })
        return
      case 'want':
        this.#owe({ author: said.author, epoch: said.epoch }, said.from)
        return
      case 'update':
        await this.#take({ author: said.author, epoch: said.epoch }, attachment)
        return
      case 'want-snapshot':
        this.#snapshotOwed = said.sha256
        this.#wake()
        return
      case 'snapshot':
        if (!(await this.#catchUp.take(said.sha256, attachment))) throw new PeerOffence('a snapshot that was not asked for')
        return
      case 'fork': {
        const proof = decodeFork(said, attachment)
        if (proof === null) throw new PeerOffence('a proof that is none')
        this.#forksTold.set(feedKey(proof.feed), proof.seq)
        if ((await this.#ledger.learnFork(proof)) === 'false') throw new PeerOffence('a proof that proves nothing')
      }
    }
  }

  /** Who holds records after the place of a fork does not know of the fork. */
  #correct(head: FeedName & { readonly length: number }): void {
    const fork = this.#ledger.fork(head)
    if (fork !== null && head.length > fork.seq) this.tellFork(fork)
  }

  #owe(feed: FeedName, from: number): void {
    const key = feedKey(feed)
    const earlier = this.#toSend.get(key)
    if (earlier === undefined && this.#toSend.size >= REMEMBERED_MAX) throw new PeerOffence('more questions than there are feeds')
    this.#toSend.set(key, { feed, from: Math.min(from, earlier?.from ?? from) })
    this.#wake()
  }

  async #take(feed: FeedName, update: Uint8Array): Promise<void> {
    const key = feedKey(feed)
    const askedFrom = this.#asked.get(key)
    const admission = await this.#ledger.admit(feed, update)
    this.#asked.delete(key)
    this.#wake()
    this.#onAdmission(feed, admission)
    this.#catchUp.advance()
    if (admission.applied) return
    if (isOffence(admission.refusal)) throw new PeerOffence(`an update that was refused: ${admission.refusal}`)
    if (admission.proof !== undefined) this.tellFork(admission.proof)
    // an answer that does not fit is not asked for again: the same would come
    if (admission.refusal === 'gap' && askedFrom === undefined) this.ask(feed)
    // the author forked the feed: the whole other branch holds the proof
    if (admission.refusal === 'chain' && askedFrom !== 0) this.ask(feed, 0)
    if (admission.refusal === 'quota' && this.#declined.size < REMEMBERED_MAX) this.#declined.set(key, this.#clock.now() + DECLINED_MS)
  }

  #isDeclined(feed: FeedName): boolean {
    const until = this.#declined.get(feedKey(feed))
    if (until === undefined) return false
    if (until > this.#clock.now()) return true
    this.#declined.delete(feedKey(feed))
    return false
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
    if (this.#snapshotOwed !== null) {
      const sha256 = this.#snapshotOwed
      this.#snapshotOwed = null
      const held = this.#ledger.checkpoint()
      return { message: { type: 'snapshot', sha256 }, ...(held?.sha256 === sha256 ? { attachment: held.encoded } : {}) }
    }
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
