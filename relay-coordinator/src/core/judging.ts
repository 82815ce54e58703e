/** How the results of one job are judged: by what the fleet has shown with its program, and by its comparator. */
import type { JobSpec } from '@peercompute/job-specs'
import type { Judging, Standing } from './acceptance.ts'
import { compared, type CustomComparison } from './agreement.ts'
import { doubtOf } from './credibility.ts'
import type { FleetTrust } from './fleet-trust.ts'
import type { Holder } from './held-lease.ts'
import { programOf, reputationKey } from './reputation.ts'

export function judgingOf(trust: FleetTrust, spec: JobSpec, custom: CustomComparison): Omit<Judging, 'draw'> {
  return {
    standing: (holder) => standingOf(trust, spec, holder),
    compare: (a, b) => compared(a, b, spec, custom)
  }
}

export function standingOf(trust: FleetTrust, spec: JobSpec, holder: Holder): Standing {
  if (trust.bans.has(holder.host)) return { doubt: 0.5, passed: 0 }
  const program = programOf(spec, holder.executor)
  const known = program === null ? undefined : trust.reputations.get(reputationKey(holder.host, holder.executor, program))
  const passed = known?.passed ?? 0
  return { passed, doubt: doubtOf(passed, trust.suspects) }
}
