/** What the coordinators of one root say about history: which checkpoint is the newest, what it covers, which jobs still live. */
import { jobIdOf, type AuthorId, type ContentHash, type JobId, type RootId } from '@peercompute/job-specs'
import { Authority } from './authority.ts'
import { CHECKPOINT_SEQ, supersedes, type CheckpointMark, type HeldCheckpoint } from './checkpoint.ts'
import { feedKey, type FeedName } from './feed-name.ts'
import type { LedgerEntry } from './ledger.ts'

export class Checkpoints {
  readonly root: RootId
  #authority: Authority
  /** Every checkpoint record that was met, whatever its author is worth now. */
  readonly #named = new Map<string, Pick<CheckpointMark, 'feed' | 'sha256' | 'bytes'>>()
  readonly #admitted = new Set<JobId>()
  readonly #ended = new Set<JobId>()
  #held: HeldCheckpoint | null = null
  #covered: ReadonlyMap<string, number> = new Map()

  constructor(root: RootId) {
    this.root = root
    this.#authority = new Authority(root)
  }

  /** Null, too, while its author has lost its say. */
  get held(): HeldCheckpoint | null {
    return this.#held !== null && this.#authority.serialOf(this.#held.feed.author) !== null ? this.#held : null
  }

  isCoordinator(author: AuthorId): boolean {
    return this.#authority.serialOf(author) !== null
  }

  /** Returns true when the held checkpoint lost its author by it. */
  learn({ known }: LedgerEntry): boolean {
    if (known === null || known === 'unknown') return false
    const { type, author, epoch, seq } = known
    if (type === 'coordinator.open' || type === 'key.revoke') {
      const before = this.held
      return this.#authority.learn(known) && this.held !== before
    }
    if (type === 'ledger.checkpoint' && seq === CHECKPOINT_SEQ) {
      const feed = { author, epoch }
      this.#named.set(feedKey(feed), { feed, sha256: known.body.snapshot, bytes: known.body.bytes })
    }
    if (type === 'job.admit' && this.isCoordinator(author)) this.#admitted.add(known.body.job)
    if (type === 'job.end' && this.isCoordinator(author)) this.#ended.add(known.body.job)
    if (type === 'units.reopen' && this.isCoordinator(author)) this.#ended.delete(known.body.job)
    return false
  }

  /** The newest checkpoint that is newer than the held one, or the one of this hash if it is newer. */
  wanted(sha256?: ContentHash): CheckpointMark | null {
    let best: CheckpointMark | null = null
    for (const named of this.#named.values()) {
      const serial = this.#authority.serialOf(named.feed.author)
      if (serial === null || (sha256 !== undefined && named.sha256 !== sha256)) continue
      const mark = { ...named, serial }
      if (supersedes(mark, this.held) && supersedes(mark, best)) best = mark
    }
    return best
  }

  /** `checkpoint` must be wanted; `entries`: all that are held. */
  hold(checkpoint: HeldCheckpoint, entries: Iterable<LedgerEntry>): void {
    const { snapshot } = checkpoint
    this.#held = checkpoint
    this.#covered = new Map(snapshot.covers.map((feed) => [feedKey(feed), feed.length]))
    this.#authority = new Authority(this.root, snapshot)
    this.#named.clear()
    this.#admitted.clear()
    this.#ended.clear()
    for (const { signed, admitted, ended } of snapshot.jobs) {
      const id = jobIdOf(signed.author, signed.spec)
      if (admitted) this.#admitted.add(id)
      if (ended !== null) this.#ended.add(id)
    }
    for (const entry of entries) this.learn(entry)
  }

  /** Records of the feed that the held checkpoint sums up. */
  coveredLength(feed: FeedName): number {
    return this.held === null ? 0 : (this.#covered.get(feedKey(feed)) ?? 0)
  }

  /** Admitted, and neither ended nor retired. */
  isLive(job: JobId): boolean {
    return this.#admitted.has(job) && !this.#ended.has(job)
  }
}
