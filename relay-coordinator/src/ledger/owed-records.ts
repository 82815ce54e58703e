/**
 * What the feed has still to tell of jobs that go on: settled units and the totals that were earned with them, together, so that a
 * coordinator rebuilt from the ledger pays nobody twice and owes nobody anything. Ranges join while they wait.
 */
import type { AccountId, ContentHash, JobId } from '@peercompute/job-specs'
import type { Settlement } from '../coordinator.ts'
import { consecutive } from './settlement-records.ts'

type Owed = Extract<Settlement, { kind: 'settled' | 'credit' }>

export class OwedRecords {
  readonly #units = new Map<JobId, Map<number, ContentHash>>()
  readonly #credit = new Map<AccountId, { microCredits: number; readonly jobs: Set<JobId> }>()

  get empty(): boolean {
    return this.#units.size === 0 && this.#credit.size === 0
  }

  note(settlement: Owed): void {
    if (settlement.kind === 'settled') {
      const { job, start, digests } = settlement
      const units = this.#units.get(job) ?? new Map<number, ContentHash>()
      this.#units.set(job, units)
      for (const [offset, digest] of digests.entries()) units.set(start + offset, digest)
    } else {
      const { account, microCredits, jobs } = settlement
      const known = this.#credit.get(account)
      this.#credit.set(account, { microCredits, jobs: new Set([...(known?.jobs ?? []), ...jobs]) })
    }
  }

  /** These units are no longer settled. */
  forget(job: JobId, ranges: readonly (readonly [start: number, count: number])[]): void {
    const units = this.#units.get(job)
    if (units === undefined) return
    for (const [start, count] of ranges) for (let unit = start; unit < start + count; unit++) units.delete(unit)
  }

  /** What belongs to these jobs, one settlement for each record; it is owed no more. */
  takeOf(jobs: ReadonlySet<JobId>): Owed[] {
    const taken: Owed[] = []
    for (const job of jobs) {
      for (const { start, digests } of consecutive(this.#units.get(job) ?? new Map())) taken.push({ kind: 'settled', job, start, digests })
      this.#units.delete(job)
    }
    if (jobs.size > 0)
      for (const [account, { microCredits, jobs: earnedWith }] of this.#credit) {
        if (![...earnedWith].some((job) => jobs.has(job))) continue
        taken.push({ kind: 'credit', account, microCredits, jobs: [...earnedWith] })
        this.#credit.delete(account)
      }
    return taken
  }

  takeAll(): Owed[] {
    return this.takeOf(new Set([...this.#units.keys(), ...[...this.#credit.values()].flatMap(({ jobs }) => [...jobs])]))
  }

  clear(): void {
    this.#units.clear()
    this.#credit.clear()
  }
}
