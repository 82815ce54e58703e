/** Turns commits into what readers follow: throttled live events for pages, settlements for the ledger. */
import type { AccountId, ContentHash, JobId, LiveEvent } from '@peercompute/job-specs'
import { jobSummary, RangeSet, type CoordinatorEvent, type CoordinatorState } from '../core/index.ts'
import type { Settlement } from '../coordinator.ts'

/** A page hears of a job at most this often. */
export const LIVE_INTERVAL_MS = 250

const CHANGE_FLEET: ReadonlySet<CoordinatorEvent['type']> = new Set([
  'host-connected',
  'host-disconnected',
  'settled',
  'units-reopened',
  'leased'
])

export class LiveFeed {
  readonly #state: () => CoordinatorState
  readonly #live = new Set<(event: LiveEvent) => void>()
  readonly #settlements = new Set<(settlement: Settlement) => void>()
  readonly #changedJobs = new Set<JobId>()
  readonly #newlySettled = new Map<JobId, RangeSet>()
  #fleetChanged = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(state: () => CoordinatorState) {
    this.#state = state
  }

  onLive(listener: (event: LiveEvent) => void): () => void {
    this.#live.add(listener)
    return () => this.#live.delete(listener)
  }

  onSettlement(listener: (settlement: Settlement) => void): () => void {
    this.#settlements.add(listener)
    return () => this.#settlements.delete(listener)
  }

  committed(events: readonly CoordinatorEvent[]): void {
    for (const settlement of settlementsOf(events, this.#state())) for (const listener of this.#settlements) listener(settlement)
    for (const event of events) this.#note(event)
    if (this.#live.size === 0) this.#forget()
    else
      this.#timer ??= setTimeout(() => {
        this.#publish()
      }, LIVE_INTERVAL_MS)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#live.clear()
    this.#settlements.clear()
  }

  #note(event: CoordinatorEvent): void {
    if ('job' in event) this.#changedJobs.add(event.job)
    if (event.type === 'settled') {
      const ranges = this.#newlySettled.get(event.job) ?? new RangeSet()
      ranges.add(event.unit)
      this.#newlySettled.set(event.job, ranges)
    }
    if (event.type === 'units-reopened') for (const { unit } of event.units) this.#newlySettled.get(event.job)?.delete(unit)
    this.#fleetChanged ||= CHANGE_FLEET.has(event.type)
  }

  #forget(): void {
    this.#changedJobs.clear()
    this.#newlySettled.clear()
    this.#fleetChanged = false
  }

  #publish(): void {
    this.#timer = undefined
    const state = this.#state()
    for (const id of this.#changedJobs) {
      const job = state.jobs.get(id)
      if (job !== undefined) this.#emit({ event: 'job', data: jobSummary(job) })
    }
    for (const [job, ranges] of this.#newlySettled) this.#emit({ event: 'units', data: { job, ranges: [...ranges.ranges()] } })
    if (this.#fleetChanged) this.#emit({ event: 'fleet', data: fleet(state) })
    this.#forget()
  }

  #emit(event: LiveEvent): void {
    for (const listener of this.#live) listener(event)
  }
}

export function fleet({ totals }: CoordinatorState): Extract<LiveEvent, { event: 'fleet' }>['data'] {
  return { hosts: totals.connected, computing: totals.computing, validatedUnits: totals.validatedUnits }
}

function settlementsOf(events: readonly CoordinatorEvent[], state: CoordinatorState): Settlement[] {
  const out: Settlement[] = []
  const credited = new Map<AccountId, Set<JobId>>()
  const settled = new Map<JobId, Map<number, ContentHash>>()
  const reopened = new Map<JobId, RangeSet>()
  const credit = (account: AccountId, job: JobId): void => {
    const jobs = credited.get(account)
    if (jobs === undefined) credited.set(account, new Set([job]))
    else jobs.add(job)
  }
  for (const event of events) {
    const admitted = admittedBy(event, state)
    if (admitted !== null) out.push(admitted)
    if (event.type === 'job-priced') for (const [account] of event.paid) credit(account, event.job)
    if (event.type === 'settled') {
      const units = settled.get(event.job)
      if (units === undefined) settled.set(event.job, new Map([[event.unit, event.digest]]))
      else units.set(event.unit, event.digest)
      for (const { holder, verdict } of event.votes) if (verdict !== 'rejected') credit(holder.account, event.job)
    }
    if (event.type !== 'units-reopened') continue
    const ranges = reopened.get(event.job) ?? new RangeSet()
    reopened.set(event.job, ranges)
    for (const { unit, votes } of event.units) {
      ranges.add(unit)
      settled.get(event.job)?.delete(unit)
      for (const { holder, verdict } of votes) if (verdict !== 'rejected') credit(holder.account, event.job)
    }
  }
  for (const [job, ranges] of reopened) out.push({ kind: 'reopened', job, ranges: [...ranges.ranges()] })
  for (const [job, units] of settled) out.push(...runs(job, units))
  for (const [account, jobs] of credited)
    out.push({ kind: 'credit', account, microCredits: state.credit.get(account) ?? 0, jobs: [...jobs] })
  for (const event of events) {
    if (event.type === 'lease-over' && event.overtaken !== undefined)
      out.push({ kind: 'overtaken', job: event.job, epoch: event.epoch, host: event.overtaken })
    // What was never admitted does not end in public; what was reopened in the same moment has not ended.
    if (event.type !== 'job-state' || state.jobs.get(event.job)?.held === true || state.jobs.get(event.job)?.state !== event.state) continue
    if (event.state === 'completed' || event.state === 'failed' || event.state === 'cancelled') {
      out.push({ kind: 'ended', job: event.job, state: event.state, settled: state.jobs.get(event.job)?.settled.size ?? 0 })
    }
  }
  return out
}

/** A held job is admitted when its author is approved of. */
function admittedBy(event: CoordinatorEvent, state: CoordinatorState): Extract<Settlement, { kind: 'admitted' }> | null {
  if (event.type === 'job-submitted')
    return event.held ? null : { kind: 'admitted', job: event.job, signed: event.signed, custodial: event.custodial }
  const job = event.type === 'job-approved' ? state.jobs.get(event.job) : undefined
  return job === undefined ? null : { kind: 'admitted', job: job.id, signed: job.signed, custodial: job.custodial }
}

/** Consecutive units become one settlement. */
function runs(job: JobId, units: ReadonlyMap<number, ContentHash>): Settlement[] {
  const out: { kind: 'settled'; job: JobId; start: number; digests: ContentHash[] }[] = []
  for (const [unit, digest] of [...units].sort(([a], [b]) => a - b)) {
    const last = out.at(-1)
    if (last !== undefined && unit === last.start + last.digests.length) last.digests.push(digest)
    else out.push({ kind: 'settled', job, start: unit, digests: [digest] })
  }
  return out
}
