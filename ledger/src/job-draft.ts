/** What the fold knows of one job so far, in whatever order it came. */
import type { AccountId, AuthorId, JobId, SignedSpec, SnapshotJob } from '@peercompute/job-specs'
import type { LedgerJob, SettledRange } from './fold-state.ts'
import { higher, type Rank, type Ranked } from './rank.ts'

export class JobDraft {
  readonly #id: JobId
  #signed: SignedSpec | null = null
  #published = false
  #admission: Ranked<{ readonly custodial: boolean }> | undefined
  #end: Ranked<NonNullable<LedgerJob['ended']>> | undefined
  readonly #settled = new Map<string, Ranked<SettledRange>>()
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
    const key = `${range.start}:${range.count}`
    this.#settled.set(key, higher(this.#settled.get(key), { rank, value: range }))
  }

  end(ended: NonNullable<LedgerJob['ended']>, rank: Rank): void {
    this.#end = higher(this.#end, { rank, value: ended })
  }

  cancel(by: AuthorId, account: AccountId | undefined): void {
    this.#cancelledBy.add(by)
    if (account !== undefined) this.#cancelledFor.add(account)
  }

  /** Null while nobody entitled to it has shown the job itself. */
  view(decides: (author: AuthorId) => boolean): LedgerJob | null {
    if (this.#signed === null) return null
    const { author } = this.#signed
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
      ended: this.#end?.value ?? null,
      settled: [...this.#settled.values()].map(({ value }) => value).sort((a, b) => a.start - b.start || a.count - b.count)
    }
  }

  /** The id covers author and spec, so two copies differ in the signature at most: the lower one is kept, whichever came first. */
  #sign(signed: SignedSpec): void {
    if (this.#signed === null || signed.sig < this.#signed.sig) this.#signed = signed
  }
}
