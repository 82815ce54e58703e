/** How the results of one job are judged: by what the fleet has shown with its program, and by its comparator. */
import type { ContentHash, ExecutorKind, HostId, JobSpec } from '@peercompute/job-specs'
import type { Judging, Standing } from './acceptance.ts'
import { compared, type CustomComparison } from './agreement.ts'
import { doubtAfterFailures, doubtOf } from './credibility.ts'
import type { FleetTrust } from './fleet-trust.ts'
import { voicesOf, type Holder, type Voice as HolderVoice } from './held-lease.ts'
import { programOf, reputationKey, type Reputation } from './reputation.ts'
import type { CoordinatorState } from './state.ts'
import { checkShareOf, SOUND_ERROR_RATE, SUSPECTS_AT_FIRST } from './suspicion.ts'

type Voice = Pick<Holder, 'host' | 'executor'>

/** Agreements after a failure until a host is as any other. */
const SUSPECT_UNTIL = 20

export function judgingOf(trust: FleetTrust, spec: JobSpec, custom: CustomComparison): Judging {
  return {
    standing: (holder) => standingOf(trust, spec, holder),
    compare: (a, b) => compared(a, b, spec, custom),
    checkShare: () => checkShareOf(trust.suspects),
    draw: null
  }
}

export function standingOf(trust: FleetTrust, spec: JobSpec, holder: Holder): Standing {
  if (holder.resumed === undefined) return standingOfVoice(trust, spec, holder)
  const standings = voicesOf(holder).map((voice) => standingOfVoice(trust, spec, voice))
  // It is right when each part of it is.
  const right = standings.reduce((product, { doubt }) => product * (1 - doubt), 1)
  return { doubt: Math.min(0.5, 1 - right), passed: Math.min(...standings.map(({ passed }) => passed)) }
}

function standingOfVoice(trust: FleetTrust, spec: JobSpec, voice: HolderVoice): Standing {
  if (trust.bans.has(voice.host)) return { doubt: 0.5, passed: 0 }
  const known = reputationIn(trust, spec, voice)
  return { passed: known?.passed ?? 0, doubt: doubtAbout(trust, known) }
}

/** Probability in (0, 0.5] that a single answer is wrong, of a host that is not banned. */
export function doubtAbout(trust: FleetTrust, known: Reputation | undefined): number {
  const sinceLast = doubtOf(known?.passed ?? 0, trust.suspects)
  const inAll = known === undefined || known.failures === 0 ? 0 : doubtAfterFailures(known, trust.suspects, SOUND_ERROR_RATE)
  const doubt = Math.max(sinceLast, inAll)
  return known !== undefined && isFailing(known) ? Math.max(doubt, Math.min(SUSPECTS_AT_FIRST, known.bad)) : doubt
}

/** It has failed lately: what it does is computed by others as well, and it is given less. */
export function isSuspect({ trust }: Pick<CoordinatorState, 'trust'>, holder: Voice, spec: JobSpec): boolean {
  const known = reputationIn(trust, spec, holder)
  return known !== undefined && isFailing(known)
}

export function knownReputation({ trust }: Pick<CoordinatorState, 'trust'>, spec: JobSpec, holder: Voice): Reputation | undefined {
  return reputationIn(trust, spec, holder)
}

/** What was found once, by program, executor and host: asked for with each look at a unit, and a composed key costs a microsecond. */
const found = new WeakMap<FleetTrust['reputations'], Map<ContentHash, Map<ExecutorKind, Map<HostId, Reputation>>>>()

function reputationIn({ reputations }: FleetTrust, spec: JobSpec, { host, executor }: Voice): Reputation | undefined {
  const program = programOf(spec, executor)
  if (program === null) return undefined
  const before = found.get(reputations)?.get(program)?.get(executor)?.get(host)
  if (before !== undefined) return before
  const known = reputations.get(reputationKey(host, executor, program))
  if (known !== undefined) remember(reputations, known)
  return known
}

function remember(reputations: FleetTrust['reputations'], known: Reputation): void {
  const programs = found.get(reputations) ?? new Map<ContentHash, Map<ExecutorKind, Map<HostId, Reputation>>>()
  const executors = programs.get(known.program) ?? new Map<ExecutorKind, Map<HostId, Reputation>>()
  const hosts = executors.get(known.executor) ?? new Map<HostId, Reputation>()
  found.set(reputations, programs.set(known.program, executors.set(known.executor, hosts.set(known.host, known))))
}

/** It has failed lately, and has not agreed often enough since. */
export function isFailing({ recent, passed, bad }: Reputation): boolean {
  return (recent.failures > 0 && passed < SUSPECT_UNTIL) || bad > 0.5
}
