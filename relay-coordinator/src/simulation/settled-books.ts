/** What a store would hold of settled units, with the truth about them: only the simulation knows it. */
import type { AccountId, HostId } from '@peercompute/job-specs'
import type { CoordinatorEvent, CoordinatorState, JobEntry, SettledUnit } from '../core/index.ts'
import { isRight } from './answers.ts'

export class SettledBooks {
  readonly #units = new Map<number, SettledUnit>()
  /** Units that each host had a part in; some may have been reopened. */
  readonly #byHost = new Map<HostId, number[]>()
  #wrong = 0

  /** Settled units that are wrong. */
  get wrong(): number {
    return this.#wrong
  }

  get size(): number {
    return this.#units.size
  }

  apply(event: CoordinatorEvent): void {
    if (event.type === 'settled') {
      const { unit, digest, value, votes, errorProbability, at } = event
      if (this.#units.has(unit)) throw new Error(`The unit ${unit} was settled twice`)
      this.#units.set(unit, { unit, digest, value, votes, errorProbability, settledAt: at })
      if (!isRight(unit, value)) this.#wrong++
      for (const { holder, verdict } of votes) {
        if (verdict === 'rejected') continue
        const known = this.#byHost.get(holder.host)
        if (known === undefined) this.#byHost.set(holder.host, [unit])
        else known.push(unit)
      }
      return
    }
    if (event.type !== 'units-reopened') return
    for (const { unit, value } of event.units) {
      if (!this.#units.delete(unit)) throw new Error(`The unit ${unit} was reopened and had not been settled`)
      if (!isRight(unit, value)) this.#wrong--
    }
  }

  /** Those of these units that are settled now. */
  unitsAt(numbers: Iterable<number>): SettledUnit[] {
    return [...new Set(numbers)].flatMap((number) => this.#units.get(number) ?? [])
  }

  /** Settled units in whose answer the host had a part. */
  unitsOf(host: HostId): SettledUnit[] {
    return this.unitsAt(this.#byHost.get(host) ?? [])
  }

  /** What does not fit together in the state; null when all does. */
  problem(state: CoordinatorState, job: JobEntry): string | null {
    if (job.settled.size !== this.#units.size) return `${job.settled.size} units count as settled, ${this.#units.size} were`
    const owed = new Map<AccountId, number>()
    let executions = 0
    for (const { votes } of this.#units.values()) {
      executions += votes.length
      for (const { holder, verdict } of votes)
        if (verdict !== 'rejected') owed.set(holder.account, (owed.get(holder.account) ?? 0) + job.unitMicroCredits)
    }
    if (job.executions !== executions) return `${job.executions} executions count as those of settled units, ${executions} are`
    for (const account of new Set([...owed.keys(), ...state.credit.keys()])) {
      const [is, should] = [state.credit.get(account) ?? 0, owed.get(account) ?? 0]
      if (is !== should) return `an account has ${is} millionths of a credit, ${should} are owed`
    }
    return null
  }
}
