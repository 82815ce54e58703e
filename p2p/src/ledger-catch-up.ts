/**
 * A newcomer's order of things: the feed with the newest checkpoint, its snapshot, and only then what the snapshot does not cover.
 * Nothing is lost by it: when the snapshot does not come in time, everything is asked for.
 */
import { feedKey, type FeedName, type Ledger } from '@peercompute/ledger'
import type { ContentHash } from '@peercompute/job-specs'
import type { LedgerMessage } from '@peercompute/job-specs/protocol'
import type { Clock } from './time/clock.ts'

/** Two MiB on a line of 4 Mbit/s. */
export const CATCH_UP_MS = 5_000

export type Heads = Extract<LedgerMessage, { type: 'heads' }>
type Head = Heads['feeds'][number]
type Told = NonNullable<Heads['checkpoint']>

export interface CatchUpInit {
  readonly ledger: Ledger
  readonly clock: Clock
  /** Snapshots that some session is being sent: asked for once. Shared by all sessions. */
  readonly fetching: Set<ContentHash>
  /** Most feeds to remember. */
  readonly most: number
  readonly askFeed: (feed: FeedName) => void
  readonly askSnapshot: (sha256: ContentHash) => void
}

export class CatchUp {
  readonly #init: CatchUpInit
  readonly #deferred = new Map<string, Head>()
  #told: Told | null = null
  #cancel: () => void = () => undefined
  #asked: ContentHash | null = null

  constructor(init: CatchUpInit) {
    this.#init = init
  }

  /** What the other side has: asked for at once, or after the snapshot. */
  hear({ feeds, checkpoint }: Heads): void {
    if (checkpoint !== undefined && this.#told === null && this.#isNews(checkpoint)) this.#begin(checkpoint)
    for (const head of feeds) {
      if (this.#told === null) this.#consider(head)
      else if (this.#deferred.size < this.#init.most) this.#deferred.set(feedKey(head), head)
    }
  }

  /** Call it when a feed grew or a checkpoint was adopted. */
  advance(): void {
    const told = this.#told
    if (told === null || this.#asked !== null) return
    const { ledger, fetching, askSnapshot } = this.#init
    if (ledger.wantedSnapshot(told.snapshot) !== null) {
      // Another session is being sent it: its adoption, or the deadline, ends the waiting.
      if (fetching.has(told.snapshot)) return
      fetching.add(told.snapshot)
      this.#asked = told.snapshot
      askSnapshot(told.snapshot)
    } else if (ledger.entries(told).length > 1 || !ledger.lacks(told, 2)) {
      this.#end()
    }
  }

  /** The other side's answer. False when it was never asked for, or is not what was asked for. */
  async take(sha256: ContentHash, encoded: Uint8Array): Promise<boolean> {
    if (sha256 !== this.#asked) return false
    const { ledger } = this.#init
    const due = () => ledger.wantedSnapshot(sha256) !== null
    const honest = encoded.length === 0 || !due() || (await ledger.adopt(encoded)) || !due()
    this.#release()
    this.#end()
    return honest
  }

  stop(): void {
    this.#release()
    this.#cancel()
    this.#told = null
    this.#deferred.clear()
  }

  #isNews({ snapshot, author, epoch }: Told): boolean {
    const { ledger } = this.#init
    if (ledger.root === null || ledger.checkpoint()?.sha256 === snapshot) return false
    return ledger.wantedSnapshot(snapshot) !== null || (ledger.entries({ author, epoch }).length < 2 && ledger.lacks({ author, epoch }, 2))
  }

  #begin(told: Told): void {
    this.#told = told
    this.#cancel = this.#init.clock.schedule(CATCH_UP_MS, () => {
      this.#end()
    })
    this.#init.askFeed({ author: told.author, epoch: told.epoch })
    this.advance()
  }

  #end(): void {
    this.#cancel()
    this.#told = null
    const heads = [...this.#deferred.values()]
    this.#deferred.clear()
    for (const head of heads) this.#consider(head)
  }

  #release(): void {
    if (this.#asked !== null) this.#init.fetching.delete(this.#asked)
    this.#asked = null
  }

  #consider({ author, epoch, length }: Head): void {
    if (this.#init.ledger.lacks({ author, epoch }, length)) this.#init.askFeed({ author, epoch })
  }
}
