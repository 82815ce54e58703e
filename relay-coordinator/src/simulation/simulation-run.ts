/** One simulation under way: the engine, its fleet and its job. The drivers of time decide who does what when. */
import type { HostId, JobId, Lease, Report, Verdict, Verification } from '@peercompute/job-specs'
import { decideConnect, decideDisconnect, decideReport, isOpen, type JobEntry } from '../core/index.ts'
import { answerOf, isRight } from './answers.ts'
import { randomOf, type Random } from './random.ts'
import { SimulatedEngine } from './simulated-engine.ts'
import { NUMERIC_CLASS, SIGNATURE, SimulatedFleet, type SimulatedHost } from './simulated-fleet.ts'
import type { SimulatedGroup } from './simulated-group.ts'
import { simulatedJob, UNIT_OPERATIONS } from './simulated-job.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly units: number
  readonly groups: readonly SimulatedGroup[]
  readonly verification: Verification
  /** Probability that an assignment meets a new identity in the place of a host. */
  readonly churn: number
  /** How time passes: see in-random-order.ts and on-a-timeline.ts. */
  readonly time: 'random order' | 'timeline'
}

export class SimulationRun {
  readonly options: SimulationOptions
  readonly random: Random
  readonly fleet: SimulatedFleet
  readonly engine: SimulatedEngine
  readonly job: JobId
  readonly #banned: HostId[] = []
  /** Units that hosts have computed and reported: also what was refused, came too late, or was forgotten with a reopening. */
  executions = 0
  readonly bans = { sound: 0, faulty: 0, liar: 0 }
  readonly suspects: number[] = []

  constructor(options: SimulationOptions) {
    this.options = options
    this.random = randomOf(options.seed)
    this.fleet = new SimulatedFleet(options.groups, this.random)
    const submitted = simulatedJob(options.units, options.verification)
    this.job = submitted.job
    this.engine = new SimulatedEngine(submitted, randomOf(options.seed + 0x5eed), (host) => this.#banned.push(host))
    for (const host of this.fleet.hosts) this.#connect(host)
  }

  get entry(): JobEntry {
    const entry = this.engine.state.jobs.get(this.job)
    if (entry === undefined) throw new Error('The simulated job is gone')
    return entry
  }

  get ended(): boolean {
    return !isOpen(this.entry)
  }

  /** Somebody else stands in the place of this host from now on. */
  rename(host: SimulatedHost): SimulatedHost {
    this.#disconnect(host)
    const newcomer = this.fleet.renamed(host)
    this.#connect(newcomer)
    return newcomer
  }

  /** The host has computed all units of the lease. Returns those who came in the place of hosts that were banned for it. */
  report(host: SimulatedHost, lease: Lease): readonly SimulatedHost[] {
    const { options, engine } = this
    const values: Uint8Array[] = []
    const verdicts: Verdict[] = []
    const units: Report['units'] = []
    const computeMs = (UNIT_OPERATIONS / host.speed) * 1_000
    for (let unit = lease.start; unit < lease.start + lease.count; unit++) {
      const { value, digest } = answerOf(host, unit, this.random)
      values.push(value)
      if (options.verification.policy === 'verifier') verdicts.push({ pass: isRight(unit, value), detail: '' })
      units.push({ outcome: 'success', unit, digest, bytes: value.length, computeMs })
    }
    const report: Report = {
      v: 1,
      job: lease.job,
      epoch: lease.epoch,
      host: host.connected.host,
      executor: lease.executor,
      numericClass: NUMERIC_CLASS,
      probeVersion: 1,
      ts: engine.now + host.clockSkewMs,
      units,
      sig: SIGNATURE
    }
    const command = options.verification.policy === 'verifier' ? { report, values, verdicts } : { report, values }
    // The volunteer has spent them, whatever becomes of them.
    for (const _ of engine.execute(decideReport, { type: 'report', ...command }))
      if (this.executions++ % Math.ceil(options.units / 10) === 0) this.suspects.push(engine.state.trust.suspects)
    engine.followUp()
    return this.#banned.splice(0).flatMap((banned) => this.#replace(banned))
  }

  #replace(banned: HostId): SimulatedHost[] {
    const host = this.fleet.known(banned)
    if (host === undefined) throw new Error('A host was banned that was never there')
    this.bans[host.group.kind]++
    if (host.place < 0) return []
    if (host.group.returns) return [this.rename(host)]
    this.#disconnect(host)
    this.fleet.remove(host)
    return []
  }

  #connect(host: SimulatedHost): void {
    this.engine.execute(decideConnect, { type: 'connect', host: host.connected })
  }

  #disconnect(host: SimulatedHost): void {
    this.engine.execute(decideDisconnect, { type: 'disconnect', host: host.connected.host })
  }
}
