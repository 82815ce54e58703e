/**
 * Records → state: a pure fold. Its input is entries that a ledger has verified, on top of a checkpoint when one is held; only the
 * entries' order inside each feed is given, so the state depends on the checkpoint and the set of entries alone, never on how the
 * feeds arrived between each other. Records that the checkpoint covers are ignored: whether they are still held makes no difference.
 *
 * What counts: a job in the feed of the key that signed it, or of an installation that this key, an account, has certified; anything else from the feed of a coordinator of the pinned root.
 */
import {
  canonicalBytes,
  jobIdOf,
  sha256Hex,
  type AccountId,
  type JobId,
  type KnownRecord,
  type LedgerSnapshot
} from '@peercompute/job-specs'
import { Authority } from './authority.ts'
import { rankOf, type HeldCheckpoint } from './checkpoint.ts'
import { feedKey } from './feed-name.ts'
import type { LedgerJob, LedgerState } from './fold-state.ts'
import { JobDraft } from './job-draft.ts'
import type { Ledger, LedgerEntry } from './ledger.ts'
import { higher, type Rank, type Ranked } from './rank.ts'

export interface FoldSource {
  /** Ignored when it is another root's. */
  readonly checkpoint: Pick<HeldCheckpoint, 'feed' | 'serial' | 'sha256' | 'bytes' | 'snapshot'> | null
  readonly entries: Iterable<LedgerEntry>
}

export interface LedgerFold {
  /** Takes one more entry. Taking it twice changes nothing. */
  apply(entry: LedgerEntry): void
  /** Begins anew. `source` is read once, when the state is next asked for; until then `apply` may be left out. */
  restart(source: () => FoldSource): void
  /** A snapshot; jobs that did not change since the last one are the same objects. */
  state(): LedgerState
  /** SHA-256 of the state's canonical bytes, in hex. */
  stateHash(): string
}

/** `root`: the pinned root key of the coordinator whose word counts. */
export function createFold(root: string): LedgerFold {
  return new Fold(root)
}

/** Keeps a fold up to date with a ledger. Returns the function that stops it. */
export function followLedger(ledger: Ledger, fold: LedgerFold): () => void {
  const restart = () => {
    fold.restart(() => ({ checkpoint: ledger.checkpoint(), entries: ledger.heads().flatMap((head) => ledger.entries(head)) }))
  }
  restart()
  const undo = [
    ledger.onEntry((entry) => {
      fold.apply(entry)
    }),
    ledger.onCheckpoint(restart)
  ]
  return () => {
    for (const stop of undo) stop()
  }
}

class Fold implements LedgerFold {
  readonly #root: string
  #authority: Authority
  #pending: (() => FoldSource) | null = null
  #base: { readonly snapshot: LedgerSnapshot; readonly rank: Rank } | null = null
  /** Records of each feed that the base sums up. */
  #covered: ReadonlyMap<string, number> = new Map()
  /** Everything known beyond the base, for the rare case that a key gains or loses its say. */
  #records: KnownRecord[] = []
  readonly #authors = new Set<string>()
  /** Account behind each feed, from its first record. */
  readonly #accounts = new Map<string, AccountId>()
  readonly #drafts = new Map<JobId, JobDraft>()
  readonly #changed = new Set<JobId>()
  readonly #jobs = new Map<JobId, LedgerJob>()
  readonly #credit = new Map<AccountId, Ranked<number>>()
  readonly #revokedJobs = new Map<JobId, Ranked<string>>()

  constructor(root: string) {
    this.#root = root
    this.#authority = new Authority(root)
  }

  apply(entry: LedgerEntry): void {
    if (this.#pending === null) this.#applyNow(entry)
  }

  restart(source: () => FoldSource): void {
    this.#pending = source
  }

  state(): LedgerState {
    this.#restartIfDue()
    for (const id of this.#changed) {
      const job = this.#drafts.get(id)?.view((author) => this.#authority.serialOf(author) !== null) ?? null
      if (job === null) this.#jobs.delete(id)
      else this.#jobs.set(id, job)
    }
    this.#changed.clear()
    return {
      jobs: new Map(this.#jobs),
      credit: new Map([...this.#credit].map(([account, { value }]) => [account, value])),
      revoked: new Set(this.#authority.revoked),
      revokedJobs: new Map([...this.#revokedJobs].map(([job, { value }]) => [job, value])),
      coordinators: this.#authority.coordinators,
      retired: this.#base?.snapshot.retired ?? { jobs: 0, units: 0 }
    }
  }

  stateHash(): string {
    const { jobs, credit, revoked, revokedJobs, coordinators, retired } = this.state()
    return sha256Hex(
      canonicalBytes({
        v: 1,
        jobs: sorted(jobs.values(), ({ id }) => id),
        credit: sorted(credit, ([account]) => account),
        revoked: [...revoked].sort(),
        // Left out when empty, as by programs that know of no such records.
        ...(revokedJobs.size === 0 ? {} : { revokedJobs: sorted(revokedJobs, ([job]) => job) }),
        coordinators: sorted(coordinators, ([key]) => key),
        retired
      })
    )
  }

  #restartIfDue(): void {
    const source = this.#pending?.()
    if (source === undefined) return
    this.#pending = null
    const { checkpoint } = source
    this.#base = checkpoint?.snapshot.root === this.#root ? { snapshot: checkpoint.snapshot, rank: rankOf(checkpoint) } : null
    this.#covered = new Map(this.#base?.snapshot.covers.map((feed) => [feedKey(feed), feed.length]))
    this.#authority = new Authority(this.#root, this.#base?.snapshot)
    this.#records = []
    this.#authors.clear()
    this.#accounts.clear()
    this.#refold()
    for (const entry of source.entries) this.#applyNow(entry)
  }

  #applyNow({ known }: LedgerEntry): void {
    if (known === null || known === 'unknown') return
    if (known.type === 'feed.open' && known.seq === 0) this.#accounts.set(feedKey(known), known.body.certificate.account)
    if (known.seq < (this.#covered.get(feedKey(known)) ?? 0)) return
    this.#records.push(known)
    this.#authors.add(known.author)
    if (known.type === 'coordinator.open' || known.type === 'key.revoke') {
      const about = known.type === 'key.revoke' ? known.body.key : known.author
      if (this.#authority.learn(known) && this.#authors.has(about)) this.#refold()
    } else {
      this.#take(known)
    }
  }

  #refold(): void {
    for (const id of this.#drafts.keys()) this.#changed.add(id)
    this.#drafts.clear()
    this.#credit.clear()
    this.#revokedJobs.clear()
    if (this.#base !== null) {
      const { snapshot, rank } = this.#base
      for (const job of snapshot.jobs) this.#draft(jobIdOf(job.signed.author, job.signed.spec)).sumUp(job, rank)
      for (const { account, microCredits } of snapshot.credit) this.#credit.set(account, { rank, value: microCredits })
    }
    for (const record of this.#records) this.#take(record)
  }

  #take(record: KnownRecord): void {
    if (this.#authority.isRevoked(record.author)) return
    if (record.type === 'job.publish') {
      const { signed } = record.body
      if (signed.author === record.author || signed.author.toString() === this.#accounts.get(feedKey(record)))
        this.#draft(jobIdOf(signed.author, signed.spec)).publish(signed)
    } else if (record.type === 'job.cancel') {
      // Whether the author may is known once the job is.
      this.#draft(record.body.job).cancel(record.author, this.#accounts.get(feedKey(record)))
    } else {
      const serial = this.#authority.serialOf(record.author)
      if (serial !== null) this.#decree(record, { serial, author: record.author, epoch: record.epoch, seq: record.seq })
    }
  }

  #decree(record: KnownRecord, rank: Rank): void {
    if (record.type === 'job.admit') {
      this.#draft(record.body.job).admit(record.body.signed, record.body.custodial, rank)
    } else if (record.type === 'units.settle') {
      const { job, ...range } = record.body
      this.#draft(job).settle(range, rank)
    } else if (record.type === 'ranges.settle') {
      const { job, independence, ranges } = record.body
      for (const [start, count, digest] of ranges) this.#draft(job).settle({ start, count, digest, independence }, rank)
    } else if (record.type === 'units.reopen') {
      this.#draft(record.body.job).reopen(record.body.ranges, rank)
    } else if (record.type === 'job.receipt') {
      const { job, ...receipt } = record.body
      this.#draft(job).receipt(receipt, rank)
    } else if (record.type === 'job.end') {
      const { job, ...ended } = record.body
      this.#draft(job).end(ended, rank)
    } else if (record.type === 'job.revoke') {
      const { job, reason } = record.body
      this.#revokedJobs.set(job, higher(this.#revokedJobs.get(job), { rank, value: reason }))
      this.#draft(job).cancel(record.author, undefined)
    } else if (record.type === 'credit.total') {
      this.#pay(record.body.account, record.body.microCredits, rank)
    } else if (record.type === 'credit.totals') {
      for (const [account, microCredits] of record.body.totals) this.#pay(account, microCredits, rank)
    }
  }

  #pay(account: AccountId, microCredits: number, rank: Rank): void {
    this.#credit.set(account, higher(this.#credit.get(account), { rank, value: microCredits }))
  }

  #draft(id: JobId): JobDraft {
    const held = this.#drafts.get(id) ?? new JobDraft(id)
    this.#drafts.set(id, held)
    this.#changed.add(id)
    return held
  }
}

function sorted<T>(items: Iterable<T>, key: (item: T) => string): T[] {
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}
