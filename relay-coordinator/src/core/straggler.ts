/**
 * When a lease counts as straggling: everything of its job is handed out, and its executor has been silent for much longer than
 * units of the program take on devices of its class. Its open units then go to idle hosts as well.
 */
import { executorKey } from './exclusion.ts'
import type { HeldLease } from './held-lease.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState } from './state.ts'

/** Times the 95th percentile. */
const TIMES_USUAL = 2
const USUAL_SHARE = 0.95
/** Reports come in batches, through networks that hesitate. */
export const STRAGGLING_MS_MIN = 5_000
/** Leases of one job that are looked at, the oldest first. */
const LOOKED_AT_MAX = 64

/** Leases of this job, which has nothing left to hand out, that others should help with. */
export function stragglers(state: CoordinatorState, job: JobEntry, now: number): HeldLease[] {
  const out: HeldLease[] = []
  let looked = 0
  for (const lease of job.running) {
    if (looked++ === LOOKED_AT_MAX) break
    const silent = now - Math.max(lease.givenAt, state.heardAt.get(executorKey(lease.holder)) ?? 0)
    if (lease.deadline > now && silent > patience(state, job, lease)) out.push(lease)
  }
  return out
}

/** Milliseconds of silence that are usual. Before enough is known of the program: what a unit may take on a slow host. */
function patience(state: CoordinatorState, job: JobEntry, lease: HeldLease): number {
  const { spec } = job.signed
  const host = state.hosts.get(lease.holder.host)
  const executor = host?.description.executors.find(({ kind }) => kind === lease.holder.executor)
  const usual = executor && state.runtimes.percentile(spec, executor.kind, executor.numericClass, USUAL_SHARE)
  const before = isNext(state, lease) ? 0 : Math.max(0, (host?.unitsHeld ?? 0) - lease.unreported.size)
  const rounds = 1 + before / (executor?.slots ?? 1)
  return Math.max(STRAGGLING_MS_MIN, TIMES_USUAL * (usual ?? spec.limits.unitSeconds * 1_000) * rounds)
}

/** Hosts work on the oldest of their leases first. */
function isNext(state: CoordinatorState, lease: HeldLease): boolean {
  for (const held of state.leasesOf.get(lease.holder.host) ?? []) if (held.holder.executor === lease.holder.executor) return held === lease
  return false
}
