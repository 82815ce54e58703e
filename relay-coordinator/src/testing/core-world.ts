/** The core with a clock that stands still until it is told to pass, for tests of single decisions. */
import type { ExecutorKind, HostId, JobId, Lease } from '@peercompute/job-specs'
import {
  decideAsk,
  decideConnect,
  decideExpire,
  decideReport,
  decideSubmit,
  DEFAULT_POLICY,
  emptyState,
  evolve,
  type AskAnswer,
  type CoordinatorEvent,
  type CorePolicy,
  type CoordinatorState,
  type Decider,
  type JobEntry,
  type UnitAnswer
} from '../core/index.ts'
import { connectedHost, reportOf, smallSpec, unsigned, type SpecOverrides } from './fixtures.ts'

type Outcome = (unit: number) => Uint8Array | null

export class CoreWorld {
  readonly state: CoordinatorState
  /** Of the last decision. */
  events: readonly CoordinatorEvent[] = []
  now = 1_000_000
  policy: CorePolicy = DEFAULT_POLICY
  /** What chance says. */
  draw = 0.5

  constructor(state = emptyState()) {
    this.state = state
  }

  run<C, A>(decider: Decider<C, A>, command: C): A {
    const decision = decider(this.state, command, { now: this.now, random: () => this.draw, policy: this.policy })
    if (!decision.ok) throw new Error(`${decision.code}: ${decision.detail}`)
    this.events = decision.events
    for (const event of decision.events) evolve(this.state, event)
    return decision.answer
  }

  submit(overrides: SpecOverrides = {}, author = 'author'): JobId {
    const { job, signed } = unsigned(smallSpec(overrides), author)
    this.run(decideSubmit, { type: 'submit', job, signed, custodial: false, missingBlobs: [], held: false })
    return job
  }

  connect(...args: Parameters<typeof connectedHost>): HostId {
    const host = connectedHost(...args)
    this.run(decideConnect, { type: 'connect', host })
    return host.host
  }

  ask(host: HostId, units = 4, executor: ExecutorKind = 'js', knownJobs: readonly JobId[] = []): AskAnswer {
    return this.run(decideAsk, { type: 'ask', host, executor, units, seconds: 0, knownJobs })
  }

  /** One outcome for each unit of the lease; null: it failed. */
  report(host: HostId, lease: Lease, outcome: Outcome, options?: Parameters<typeof reportOf>[3]): readonly UnitAnswer[] {
    const units = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: outcome(lease.start + i) }))
    return this.run(decideReport, { type: 'report', ...reportOf(host, lease, units, options) })
  }

  pass(ms: number): void {
    this.now += ms
    this.run(decideExpire, { type: 'expire' })
  }

  job(id: JobId): JobEntry {
    const job = this.state.jobs.get(id)
    if (job === undefined) throw new Error(`There is no job ${id}`)
    return job
  }
}

export function only(leases: readonly Lease[]): Lease {
  const [lease] = leases
  if (lease === undefined || leases.length > 1) throw new Error(`Expected one lease, got ${leases.length}`)
  return lease
}
