/** The store port in memory: for simulators, rooms and tests. Keeps the same rows as the durable one. */
import type { AccountId, HostId, JobId } from '@peercompute/job-specs'
import type { CoordinatorEvent } from './events.ts'
import { isResumed, voicesOf, type Holder } from './held-lease.ts'
import { RangeSet } from './range-set.ts'
import type { Ban } from './fleet-trust.ts'
import { reputationKey, type ReputationKey } from './reputation.ts'
import { hostRow, jobRow, reputationRow, touched } from './rows.ts'
import type { CoordinatorState } from './state.ts'
import type { CoordinatorStore, HostRow, JobRow, LeaseRow, Reopening, ReputationRow, SettledUnit, StoredRows } from './store.ts'

interface JobRows {
  leases: Map<number, LeaseRow>
  results: Map<string, StoredRows['results'][number]>
  failures: Map<string, StoredRows['failures'][number]>
  checkpoints: Map<number, StoredRows['checkpoints'][number]>
  settled: Map<number, SettledUnit>
  notHeld: RangeSet
  errored: RangeSet
}

export function createMemoryStore(): CoordinatorStore {
  const jobs = new Map<JobId, JobRow>()
  const rows = new Map<JobId, JobRows>()
  const hosts = new Map<string, HostRow>()
  const credit = new Map<AccountId, readonly [number, number]>()
  const reputations = new Map<ReputationKey, ReputationRow>()
  const bans = new Map<HostId, Ban>()
  const reopenings: Reopening[] = []
  let reopeningNo = 0

  const rowsOf = (job: JobId): JobRows => {
    const known = rows.get(job)
    if (known !== undefined) return known
    const fresh: JobRows = {
      leases: new Map(),
      results: new Map(),
      failures: new Map(),
      checkpoints: new Map(),
      settled: new Map(),
      notHeld: new RangeSet(),
      errored: new RangeSet()
    }
    rows.set(job, fresh)
    return fresh
  }

  const apply = (event: CoordinatorEvent): void => {
    switch (event.type) {
      case 'leased': {
        const { job, epoch, start, count, holder, deadline } = event
        rowsOf(job).leases.set(epoch, { job, epoch, start, count, holder, deadline, over: false })
        return
      }
      case 'lease-renewed':
      case 'lease-over': {
        const { leases } = rowsOf(event.job)
        const lease = leases.get(event.epoch)
        if (lease === undefined) return
        if (event.type === 'lease-renewed') leases.set(event.epoch, { ...lease, deadline: event.deadline })
        else if (event.cause === 'expired' || event.cause === 'disconnected') leases.set(event.epoch, { ...lease, over: true })
        else leases.delete(event.epoch)
        return
      }
      case 'result':
        rowsOf(event.job).results.set(`${event.unit}/${event.result.epoch}`, event)
        return
      case 'failure':
        rowsOf(event.job).failures.set(`${event.unit}/${event.attempt.epoch}`, event)
        if (isResumed(event.attempt.holder)) rowsOf(event.job).checkpoints.delete(event.unit)
        return
      case 'checkpoint-saved':
        rowsOf(event.job).checkpoints.set(event.unit, event)
        return
      case 'settled': {
        const { unit, digest, value, votes, errorProbability, at } = event
        const job = rowsOf(event.job)
        job.settled.set(unit, { unit, digest, value, votes, errorProbability, settledAt: at })
        job.checkpoints.delete(unit)
        for (const vote of votes) job.results.delete(`${unit}/${vote.epoch}`)
        for (const [key, failure] of job.failures) if (failure.unit === unit) job.failures.delete(key)
        return
      }
      case 'unit-errored':
        rowsOf(event.job).errored.add(event.unit)
        rowsOf(event.job).checkpoints.delete(event.unit)
        return
      case 'job-state': {
        if (event.state === 'completed' || event.state === 'failed' || event.state === 'cancelled')
          Object.assign(rowsOf(event.job), { leases: new Map(), results: new Map(), failures: new Map(), checkpoints: new Map() })
        return
      }
      case 'units-reopened': {
        const job = rowsOf(event.job)
        const units = new RangeSet()
        for (const { unit, keep } of event.units) {
          units.add(unit)
          job.settled.delete(unit)
          for (const result of keep) job.results.set(`${unit}/${result.epoch}`, { job: event.job, unit, result })
        }
        reopenings.push({ no: ++reopeningNo, job: event.job, ranges: [...units.ranges()] })
        return
      }
      case 'host-banned': {
        const { host, cause, at } = event
        bans.set(host, { host, cause, at, swept: false })
        const isOf = (holder: Holder): boolean => voicesOf(holder).some((voice) => voice.host === host)
        for (const job of rows.values()) {
          for (const [key, { result }] of job.results) if (isOf(result.holder)) job.results.delete(key)
          for (const [epoch, { holder }] of job.leases) if (isOf(holder)) job.leases.delete(epoch)
          for (const [unit, { checkpoint }] of job.checkpoints) if (isOf(checkpoint.by)) job.checkpoints.delete(unit)
        }
        return
      }
      case 'host-pardoned':
        bans.delete(event.host)
        return
      case 'ban-swept': {
        const ban = bans.get(event.host)
        if (ban !== undefined) bans.set(event.host, { ...ban, swept: true })
        return
      }
      case 'units-restored':
        rowsOf(event.job).notHeld.add(event.start, event.count)
        return
      case 'lease-straggling':
      case 'job-priced':
      case 'reduced-anew':
      case 'job-submitted':
      case 'job-approved':
      case 'job-restored':
      case 'credit-restored':
      case 'job-retired':
      case 'job-blob':
      case 'host-connected':
      case 'host-disconnected':
        return
    }
  }

  return {
    load: () => {
      const perJob = [...rows]
      return {
        jobs: [...jobs.values()],
        leases: perJob.flatMap(([, job]) => [...job.leases.values()]),
        results: perJob.flatMap(([, job]) => [...job.results.values()]),
        failures: perJob.flatMap(([, job]) => [...job.failures.values()]),
        checkpoints: perJob.flatMap(([, job]) => [...job.checkpoints.values()]),
        settled: perJob.flatMap(([job, { settled }]) => [...settled.keys()].map((start) => ({ job, start, count: 1 }))),
        notHeld: perJob.flatMap(([job, { notHeld }]) => [...notHeld.ranges()].map(([start, count]) => ({ job, start, count }))),
        errored: perJob.flatMap(([job, { errored }]) => [...errored.ranges()].map(([start, count]) => ({ job, start, count }))),
        hosts: [...hosts.values()],
        credit: [...credit].map(([account, [total, carried]]) => [account, total, carried] as const),
        reputations: [...reputations.values()],
        bans: [...bans.values()]
      }
    },
    commit: (events: readonly CoordinatorEvent[], state: CoordinatorState) => {
      for (const event of events) apply(event)
      const changed = touched(events, state)
      for (const id of changed.jobs) {
        const job = state.jobs.get(id)
        if (job !== undefined) jobs.set(id, jobRow(job))
      }
      for (const id of changed.hosts) {
        const host = state.hosts.get(id)
        if (host !== undefined) hosts.set(id, hostRow(host))
      }
      for (const reputation of changed.reputations) {
        const { host, executor, program } = reputation
        reputations.set(reputationKey(host, executor, program), reputationRow(reputation))
      }
      for (const id of changed.accounts) credit.set(id, [state.credit.get(id) ?? 0, state.carried.get(id) ?? 0])
    },
    settledUnits: (job, from, limit) =>
      [...rowsOf(job).settled.values()]
        .filter(({ unit }) => unit >= from)
        .sort((a, b) => a.unit - b.unit)
        .slice(0, limit),
    settledDigests: (job, from, to) => {
      const { settled } = rowsOf(job)
      const found = [...settled.values()].filter(({ unit }) => unit >= from && unit < to)
      return found.sort((a, b) => a.unit - b.unit).map(({ unit, digest }) => ({ unit, digest }))
    },
    reopenings: () => [...reopenings],
    reopeningsTold: (upTo) => {
      reopenings.splice(0, reopenings.findLastIndex(({ no }) => no <= upTo) + 1)
    },
    close: () => undefined
  }
}
