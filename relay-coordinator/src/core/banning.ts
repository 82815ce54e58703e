/** When a host's wrong answers are too many to be those of a sound device. */
import type { JobSpec } from '@peercompute/job-specs'
import type { CoordinatorEvent } from './events.ts'
import type { BanCause } from './fleet-trust.ts'
import { isResumed, voicesOf, type Holder } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import { knownReputation } from './judging.ts'
import { hasFailed, programOf, reputationFrom, reputationKey, type Reputation, type ReputationKey } from './reputation.ts'
import type { CoordinatorState } from './state.ts'

/** Wrong answers that must be put up with: devices with a fifth of it are common, and some honest answers lose against liars. */
const TOLERABLE_ERROR_RATE = 0.005
/** Probability below which so many failures are no accident. Tried at every failure of every host, so it is small. */
const ACCIDENT_MAX = 1e-5
/** Wrong answers in common with others. */
const COLLUSIONS = 2

type Voice = Pick<Holder, 'host' | 'executor'>

/** `isSound`: whether a witness is believed itself. Where most are not, the program is at fault, which gives one value today and another tomorrow. */
export function banCause({ recent, faults }: Pick<Reputation, 'recent' | 'faults'>, isSound: (witness: Voice) => boolean): BanCause | null {
  const seen = faults.map(({ job, unit, witnesses }) => ({ job, unit, sound: witnesses.filter(isSound), all: witnesses.length }))
  if (2 * count(seen, ({ sound }) => sound.length) < count(seen, ({ all }) => all)) return null
  const isWitnessedTwice = seen.some((a) =>
    seen.some((b) => (a.job !== b.job || a.unit !== b.unit) && a.sound.some((one) => b.sound.some(({ host }) => host !== one.host)))
  )
  if (!isWitnessedTwice) return null
  if (recent.colluded >= COLLUSIONS) return 'collusion'
  return atLeast(recent.failures, recent.checks, TOLERABLE_ERROR_RATE) < ACCIDENT_MAX ? 'errors' : null
}

function count<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0)
}

/** P(X ≥ failures) of a binomial distribution. */
export function atLeast(failures: number, checks: number, rate: number): number {
  let term = (1 - rate) ** checks
  let tail = 0
  for (let k = 0; k <= checks; k++) {
    if (k >= failures) tail += term
    term *= ((checks - k) / (k + 1)) * (rate / (1 - rate))
  }
  return tail
}

/** Bans that follow from these events of the job, which have not been applied yet, with the end of all that the hosts hold. */
export function bansAfter(
  state: CoordinatorState,
  { id, signed }: JobEntry,
  events: readonly CoordinatorEvent[],
  now: number
): CoordinatorEvent[] {
  const failing = new Map<ReputationKey, Reputation>()
  for (const event of events) {
    if (event.type !== 'settled' || event.faults === undefined) continue
    const witnesses = event.votes.flatMap(({ verdict, holder }) => (verdict === 'rejected' || isResumed(holder) ? [] : [holder]))
    for (const { holder, telling, accomplices } of event.faults) {
      const program = telling ? programOf(signed.spec, holder.executor) : null
      if (program === null) continue
      const key = reputationKey(holder.host, holder.executor, program)
      const reputation = failing.get(key) ?? copyOf(state, signed.spec, holder, program)
      hasFailed(reputation, { job: id, unit: event.unit, witnesses }, accomplices.length > 0)
      failing.set(key, reputation)
    }
  }
  const isSound = (witness: Voice): boolean => (knownReputation(state, signed.spec, witness)?.bad ?? 0) < 0.5
  const out = new Map<string, CoordinatorEvent[]>()
  for (const reputation of failing.values()) {
    const { host } = reputation
    const cause = state.trust.bans.has(host) || out.has(host) ? null : banCause(reputation, isSound)
    if (cause === null) continue
    const leases = [...(state.leasesOf.get(host) ?? [])].map(({ job, epoch }): CoordinatorEvent => ({
      type: 'lease-over',
      job,
      epoch,
      cause: 'banned'
    }))
    out.set(host, [...leases, { type: 'host-banned', host, cause, at: now }])
  }
  if (out.size === 0) return []
  const descending = leasesFrom(state, new Set(out.keys()))
  return [...descending, ...[...out.values()].flat()]
}

/** Leases of others that went on from what these hosts had saved: nothing that comes of them would be believed. */
function leasesFrom(state: CoordinatorState, hosts: ReadonlySet<string>): CoordinatorEvent[] {
  const out: CoordinatorEvent[] = []
  for (const { id, leases } of state.jobs.values())
    for (const { epoch, holder, over } of leases.values())
      if (!over && isResumed(holder) && !hosts.has(holder.host) && voicesOf(holder).some(({ host }) => hosts.has(host)))
        out.push({ type: 'lease-over', job: id, epoch, cause: 'overtaken', overtaken: holder.host })
  return out
}

function copyOf(state: CoordinatorState, spec: JobSpec, { host, executor }: Holder, program: Reputation['program']): Reputation {
  const known = knownReputation(state, spec, { host, executor })
  if (known === undefined) return reputationFrom({ host, executor, program, passed: 0, checks: 0, failures: 0, colluded: 0 })
  return { ...known, recent: { ...known.recent }, faults: [...known.faults] }
}
