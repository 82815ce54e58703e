/** What the fold knows of one job so far, in whatever order it came. */
import type { AccountId, AuthorId, JobId, SignedSpec, SnapshotJob } from '@peercompute/job-specs'
import type { JobReceiptMark, LedgerJob, SettledRange } from './fold-state.ts'
import { higher, outranks, type Rank, type Ranked } from './rank.ts'
import { meets, type UnitRange } from './unit-ranges.ts'

export class JobDraft {
  readonly #id: JobId
  #signed: SignedSpec | null = null
  #published = false
  #admission: Ranked<{ readonly custodial: boolean }> | undefined
  #end: Ranked<NonNullable<LedgerJob['ended']>> | undefined
  readonly #settled = new Map<string, Ranked<SettledRange>>()
  #receipt: Ranked<JobReceiptMark> | undefined
  /** Ranges in rising order. */
  readonly #reopened: Ranked<readonly UnitRange[]>[] = []
  /** Of the last word on reopened units. */
  #reopenedAt: Rank | null = null
  #cancelled = false
  readonly #cancelledBy = new Set<AuthorId>()
  /** Accounts behind the feeds that asked for the end. */
  readonly #cancelledFor = new Set<AccountId>()

  constructor(id: JobId) {
    this.#id = id
  }

  /** What a checkpoint says of the job, before anything else is known. */
  sumUp({ signed, publishedBy, admitted, custodial, cancelled, ended, settled }: SnapshotJob, rank: Rank): void {
    this.#published = publishedBy !== null
    this.#sign(signed)
    if (admitted) this.#admission = { rank, value: { custodial } }
    if (ended !== null) this.#end = { rank, value: ended }
    this.#cancelled = cancelled
    for (const range of settled) this.settle(range, rank)
  }

  publish(signed: SignedSpec): void {
    this.#published = true
    this.#sign(signed)
  }

  admit(signed: SignedSpec, custodial: boolean, rank: Rank): void {
    this.#admission = higher(this.#admission, { rank, value: { custodial } })
    this.#sign(signed)
  }

  settle(range: SettledRange, rank: Rank): void {
    if (this.#isReopened(range, rank)) return
    const key = `${range.start}:${range.count}`
    this.#settled.set(key, higher(this.#settled.get(key), { rank, value: range }))
  }

  end(ended: NonNullable<LedgerJob['ended']>, rank: Rank): void {
    this.#end = higher(this.#end, { rank, value: ended })
  }

  receipt(receipt: JobReceiptMark, rank: Rank): void {
    this.#receipt = higher(this.#receipt, { rank, value: receipt })
  }

  /** What was settled, ended or receipted before counts no more; what comes before this in rank and arrives later does not either. */
  reopen(ranges: readonly (readonly [start: number, count: number])[], rank: Rank): void {
    const value = ranges.map(([start, count]) => ({ start, count })).sort((a, b) => a.start - b.start)
    this.#reopened.push({ rank, value })
    if (this.#reopenedAt === null || outranks(rank, this.#reopenedAt)) this.#reopenedAt = rank
    for (const [key, settled] of this.#settled) if (outranks(rank, settled.rank) && meets(value, settled.value)) this.#settled.delete(key)
  }

  cancel(by: AuthorId, account: AccountId | undefined): void {
    this.#cancelledBy.add(by)
    if (account !== undefined) this.#cancelledFor.add(account)
  }

  /** Null while nobody entitled to it has shown the job itself. */
  view(decides: (author: AuthorId) => boolean): LedgerJob | null {
    if (this.#signed === null) return null
    const { author } = this.#signed
    const receipt = this.#valid(this.#receipt)
    return {
      id: this.#id,
      signed: this.#signed,
      publishedBy: this.#published ? author : null,
      admitted: this.#admission !== undefined,
      custodial: this.#admission?.value.custodial ?? false,
      cancelled:
        this.#cancelled ||
        [...this.#cancelledBy].some((by) => by === author || decides(by)) ||
        [...this.#cancelledFor].some((account) => account.toString() === author),
      ended: this.#valid(this.#end) ?? null,
      settled: [...this.#settled.values()].map(({ value }) => value).sort((a, b) => a.start - b.start || a.count - b.count),
      ...(receipt === undefined ? {} : { receipt })
    }
  }

  /** Undefined when units were reopened since. */
  #valid<T>(held: Ranked<T> | undefined): T | undefined {
    return held === undefined || (this.#reopenedAt !== null && outranks(this.#reopenedAt, held.rank)) ? undefined : held.value
  }

  #isReopened(range: SettledRange, rank: Rank): boolean {
    if (this.#reopenedAt === null || !outranks(this.#reopenedAt, rank)) return false
    return this.#reopened.some((reopened) => outranks(reopened.rank, rank) && meets(reopened.value, range))
  }

  /** The id covers author and spec, so two copies differ in the signature at most: the lower one is kept, whichever came first. */
  #sign(signed: SignedSpec): void {
    if (this.#signed === null || signed.sig < this.#signed.sig) this.#signed = signed
  }
}
