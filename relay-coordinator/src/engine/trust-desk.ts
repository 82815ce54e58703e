/** Answers what people ask about trust, and lifts bans. It remembers what no row keeps: units taken back, and inconclusive ones. */
import {
  PeerComputeError,
  SPREADS_MAX,
  type HostId,
  type HostReputationDetail,
  type JobId,
  type UnitReplicas
} from '@peercompute/job-specs'
import type { Coordinator, JobStanding } from '../coordinator.ts'
import {
  decidePardon,
  hostReputation,
  hostReputationDetail,
  hostView,
  replicasOf,
  reputationsByHost,
  settledValue,
  spreadOf,
  type CoordinatorEvent,
  type CoordinatorStore,
  type JobEntry,
  type Vote
} from '../core/index.ts'
import type { GroupCommit } from './group-commit.ts'

/** Jobs of which something is remembered; the earliest are forgotten. */
const JOBS_MAX = 1_000

interface Inconclusive {
  readonly unit: number
  readonly at: number
  readonly votes: readonly Vote[]
}

interface Memory {
  reopened: number
  readonly inconclusive: Inconclusive[]
}

export class TrustDesk {
  readonly #store: Pick<CoordinatorStore, 'settledUnits'>
  readonly #commits: Pick<GroupCommit, 'state' | 'execute'>
  readonly #memories = new Map<JobId, Memory>()

  constructor(init: { readonly store: Pick<CoordinatorStore, 'settledUnits'>; readonly commits: Pick<GroupCommit, 'state' | 'execute'> }) {
    this.#store = init.store
    this.#commits = init.commits
  }

  committed(events: readonly CoordinatorEvent[]): void {
    for (const event of events) {
      if (event.type === 'units-reopened') this.#memory(event.job).reopened += event.units.length
      else if (event.type === 'unit-errored' && event.votes !== undefined) {
        const { inconclusive } = this.#memory(event.job)
        inconclusive.push({ unit: event.unit, at: event.at, votes: event.votes })
        if (inconclusive.length > SPREADS_MAX) inconclusive.shift()
      }
    }
  }

  standing({ id }: JobEntry): JobStanding {
    const { reopened = 0, inconclusive = [] } = this.#memories.get(id) ?? {}
    return {
      suspects: this.#commits.state.trust.suspects,
      reopened,
      inconclusive: inconclusive.map(({ unit, at, votes }) => spreadOf(unit, at, votes))
    }
  }

  replicas(entry: JobEntry, unit: number): UnitReplicas {
    const { id: job, signed, settled, errored, notHeld, units } = entry
    const { spec } = signed
    if (unit >= spec.unitCount) throw new PeerComputeError('REQUEST_INVALID', `the job has units 0 to ${spec.unitCount - 1}, not ${unit}`)
    const nothing = { job, unit, value: null, replicas: [], sealed: 0 }
    if (notHeld.has(unit)) return { ...nothing, state: 'not_held' }
    if (errored.has(unit)) {
      const votes = this.#memories.get(job)?.inconclusive.findLast((known) => known.unit === unit)?.votes
      return votes === undefined
        ? { ...nothing, state: 'errored' }
        : { ...nothing, state: 'inconclusive', replicas: [...replicasOf(votes, spec, false)] }
    }
    // Decided, and perhaps not on disk yet: then it is as good as open.
    const [found] = settled.has(unit) ? this.#store.settledUnits(job, unit, 1) : []
    if (found?.unit !== unit) return { ...nothing, state: 'open', sealed: units.get(unit)?.results.length ?? 0 }
    return { ...nothing, state: 'settled', value: settledValue(spec, found), replicas: [...replicasOf(found.votes, spec, true)] }
  }

  reputation(host: HostId): HostReputationDetail {
    const { state } = this.#commits
    const known = [...state.trust.reputations.values()].filter((reputation) => reputation.host === host)
    if (known.length === 0 && !state.hosts.has(host)) throw new PeerComputeError('NOT_FOUND', `no host has the key ${host}`)
    return hostReputationDetail(state, host, known)
  }

  reputedHosts(): ReturnType<Coordinator['reputedHosts']> {
    const { state } = this.#commits
    const known = reputationsByHost(state)
    return [...state.hosts.values()].map((entry) => ({
      ...hostView(entry),
      reputation: hostReputation(state, entry.host, known.get(entry.host) ?? [])
    }))
  }

  async pardon(host: HostId): Promise<boolean> {
    const { pardoned } = await this.#commits.execute(decidePardon, { type: 'pardon', host })
    return pardoned
  }

  #memory(job: JobId): Memory {
    const known = this.#memories.get(job)
    if (known !== undefined) return known
    const fresh: Memory = { reopened: 0, inconclusive: [] }
    this.#memories.set(job, fresh)
    const [oldest] = this.#memories.keys()
    if (this.#memories.size > JOBS_MAX && oldest !== undefined) this.#memories.delete(oldest)
    return fresh
  }
}
