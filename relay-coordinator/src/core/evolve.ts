/**
 * Applies one event. The state is owned by the caller and changed in place: copying maps of 10⁵ units for each event would cost
 * more than everything else. Deterministic, so replaying the events of a run gives its state.
 */
import { emptyReduced, mergeReduced } from '@peercompute/job-specs'
import { keepCheckpoint } from './checkpoints.ts'
import type { CoordinatorEvent } from './events.ts'
import { leased, leaseOver, renewed, straggling } from './evolve-lease.ts'
import { errored, failureCame, resultCame, settled } from './evolve-report.ts'
import { banned, pardoned, priced, reopened } from './evolve-trust.ts'
import { unitMicroCredits } from './credit.ts'
import { isComputing } from './hold.ts'
import { closeUnit, unitChanged, unitOf } from './in-flight.ts'
import { jobEntry } from './job-entry.ts'
import { arrived, closed, enrol, isOpen, opened, place } from './place.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState, HostEntry } from './state.ts'

type Of<T extends CoordinatorEvent['type']> = Extract<CoordinatorEvent, { type: T }>

export function evolve(state: CoordinatorState, event: CoordinatorEvent): CoordinatorState {
  if (event.type === 'job-submitted') {
    submitted(state, event)
    return state
  }
  if (!('job' in event)) {
    ofParty(state, event)
    return state
  }
  const job = state.jobs.get(event.job)
  if (job === undefined) throw new RangeError(`Cannot apply an event of the unknown job ${event.job}`)
  ofJob(state, job, event)
  place(state, job)
  return state
}

type PartyEvent = Of<'credit-restored' | 'host-connected' | 'host-disconnected' | 'host-banned' | 'host-pardoned' | 'ban-swept'>

function ofParty(state: CoordinatorState, event: PartyEvent): void {
  switch (event.type) {
    case 'credit-restored':
      carriedOver(state, event)
      return
    case 'host-connected':
      connected(state, event)
      return
    case 'host-disconnected':
      disconnected(state, event)
      return
    case 'host-banned':
      banned(state, event)
      return
    case 'host-pardoned':
      pardoned(state, event)
      return
    case 'ban-swept': {
      const ban = state.trust.bans.get(event.host)
      if (ban !== undefined) ban.swept = true
      return
    }
  }
}

function ofJob(state: CoordinatorState, job: JobEntry, event: Exclude<CoordinatorEvent, PartyEvent | Of<'job-submitted'>>): void {
  switch (event.type) {
    case 'job-blob':
      job.missingBlobs.delete(event.sha256)
      arrived(state, job, event.sha256)
      return
    case 'job-approved':
      job.held = false
      return
    case 'job-state':
      stateChanged(state, job, event)
      return
    case 'job-restored':
      job.nextEpoch = event.nextEpoch
      return
    case 'units-restored':
      restored(state, job, event)
      return
    case 'job-retired':
      job.retired = true
      return
    case 'leased':
      leased(state, job, event)
      return
    case 'checkpoint-saved':
      keepCheckpoint(state, job, event.unit, event.checkpoint)
      return
    case 'lease-renewed':
      renewed(state, job, event)
      return
    case 'lease-straggling':
      straggling(job, event)
      return
    case 'lease-over':
      leaseOver(state, job, event)
      return
    case 'result':
      resultCame(state, job, event)
      return
    case 'failure':
      failureCame(state, job, event)
      return
    case 'settled':
      settled(state, job, event)
      return
    case 'unit-errored':
      errored(state, job, event)
      return
    case 'units-reopened':
      reopened(state, job, event)
      return
    case 'reduced-anew':
      job.reduced = mergeReduced(job.reduced, event.reduced)
      job.reduceAnew = false
      return
    case 'job-priced':
      priced(state, job, event)
      return
  }
}

function carriedOver({ credit, carried }: CoordinatorState, { account, microCredits }: Of<'credit-restored'>): void {
  carried.set(account, (carried.get(account) ?? 0) + microCredits - (credit.get(account) ?? 0))
  credit.set(account, microCredits)
}

function submitted(state: CoordinatorState, event: Of<'job-submitted'>): void {
  const job = jobEntry(
    {
      id: event.job,
      signed: event.signed,
      custodial: event.custodial,
      submittedAt: event.at,
      state: event.held || event.missingBlobs.length > 0 ? 'queued' : 'running',
      stateWhy: null,
      held: event.held,
      missingBlobs: event.missingBlobs,
      cursor: 0,
      nextEpoch: 1,
      executions: 0,
      agreeing: 0,
      reduced: emptyReduced(event.signed.spec.reduce),
      firstSettledAt: null,
      endedAt: null,
      retired: false,
      settlers: [],
      failures: [],
      reduceAnew: false,
      unitMicroCredits: unitMicroCredits(event.signed.spec.unitOperations),
      pricing: { operations: [], paid: [], hosts: [] }
    },
    state
  )
  enrol(state, job)
  place(state, job)
}

function stateChanged(state: CoordinatorState, job: JobEntry, event: Of<'job-state'>): void {
  const wasOpen = isOpen(job)
  if (event.state === 'running' && job.state === 'paused' && job.trouble !== null) job.trouble = { failures: 0, hosts: new Set() }
  if (event.state === 'running') job.devicesLost.clear()
  job.state = event.state
  job.stateWhy = event.why ?? null
  if (isOpen(job)) {
    if (!wasOpen) opened(state, job)
    return
  }
  job.endedAt = event.at
  if (wasOpen) closed(state, job)
  for (const number of [...job.units.keys()]) closeUnit(state, job, number)
  job.leases.clear()
  job.overLeases.clear()
  job.unable.clear()
  job.uncompiled.clear()
}

/** Units that were leased before these and never settled are free again. */
function restored(state: CoordinatorState, job: JobEntry, event: Of<'units-restored'>): void {
  const end = event.start + event.count
  for (let number = job.cursor; number < event.start; number++) unitChanged(job, unitOf(job, number))
  if (job.units.size > 0)
    for (const number of [...job.units.keys()]) if (number >= event.start && number < end) closeUnit(state, job, number)
  job.cursor = Math.max(job.cursor, end)
  state.totals.validatedUnits -= job.settled.size
  job.settled.add(event.start, event.count)
  state.totals.validatedUnits += job.settled.size
  job.notHeld.add(event.start, event.count)
  job.firstSettledAt ??= event.at
}

function connected(state: CoordinatorState, event: Of<'host-connected'>): void {
  const { host, account, label, description, subnet, at } = event
  const known = state.hosts.get(host)
  const same = known !== undefined && known.account === account
  const entry: HostEntry = {
    ...(same ? known : { validated: 0, rejected: 0, failed: 0, microCredits: 0 }),
    host,
    account,
    label,
    description,
    subnet,
    connected: true,
    lastSeenAt: at,
    unitsHeld: known?.unitsHeld ?? 0,
    resumes: event.resumes === true
  }
  state.hosts.set(host, entry)
  if (known?.connected === true) countSubnet(state, known.subnet, -1)
  else state.totals.connected++
  countSubnet(state, subnet, 1)
  state.totals.computing += Number(isComputing(entry)) - Number(known !== undefined && isComputing(known))
}

function disconnected(state: CoordinatorState, event: Of<'host-disconnected'>): void {
  const host = state.hosts.get(event.host)
  if (host === undefined) return
  host.lastSeenAt = event.at
  if (!host.connected) return
  state.totals.connected--
  countSubnet(state, host.subnet, -1)
  state.totals.computing -= Number(isComputing(host))
  host.connected = false
  for (const { kind } of host.description.executors) state.heardAt.delete(`${host.host}/${kind}`)
}

/** Streams of these hosts are still open, although the state has come anew from the store. */
export function markConnected(state: CoordinatorState, hosts: Iterable<HostEntry['host']>): void {
  for (const id of hosts) {
    const host = state.hosts.get(id)
    if (host === undefined || host.connected) continue
    host.connected = true
    state.totals.connected++
    countSubnet(state, host.subnet, 1)
    state.totals.computing += Number(isComputing(host))
  }
}

function countSubnet({ subnets }: CoordinatorState, subnet: string, change: 1 | -1): void {
  const hosts = (subnets.get(subnet) ?? 0) + change
  if (hosts === 0) subnets.delete(subnet)
  else subnets.set(subnet, hosts)
}
