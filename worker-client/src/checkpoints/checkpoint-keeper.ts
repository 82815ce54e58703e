/**
 * What ties saved states to the work of this host: it keeps each with the lease that it was saved under, hands states of long units to the
 * coordinator, so that another host can go on when this one is gone, and gives back after a start what an earlier program held.
 */
import {
  CHECKPOINT_HANDED_EVERY_MS,
  CHECKPOINT_HANDED_MAX_BYTES,
  LONG_UNIT_SECONDS,
  type ExecutorKind,
  type JobId,
  type JobSpec
} from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import type { CheckpointPort } from '../compute/checkpoint-port.ts'
import type { HeldLease } from '../compute/held-lease.ts'
import { digestOf } from '../digest.ts'
import type { JobCache } from '../jobs/job-cache.ts'
import type { WorkSession } from '../work/work-session.ts'
import type { Checkpoints } from './checkpoints.ts'

/** Work that is worth the way: a unit that ends before costs the network nothing. */
export const HAND_OVER_AFTER_MS = 20_000

export interface CheckpointKeeper extends CheckpointPort {
  setSession(session: WorkSession | null): void
}

export interface CheckpointKeeperInit {
  readonly checkpoints: Checkpoints
  readonly jobs: Pick<JobCache, 'leased'>
  readonly clock: Clock
  readonly handOverAfterMs?: number
}

interface Handing {
  /** When the unit's first state came under this lease. */
  readonly since: number
  nextAt: number
}

export function createCheckpointKeeper(init: CheckpointKeeperInit): CheckpointKeeper {
  const { checkpoints, jobs, clock, handOverAfterMs = HAND_OVER_AFTER_MS } = init
  const handing = new Map<string, Handing>()
  let session: WorkSession | null = null

  const hand = async ({ lease }: HeldLease, unit: number, state: Uint8Array<ArrayBuffer>, spec: JobSpec) => {
    const key = handingKey(lease.job, unit)
    const now = clock.now()
    const known = handing.get(key) ?? { since: now, nextAt: now + handOverAfterMs }
    handing.set(key, known)
    const through = session
    if (through === null || !through.capabilities.has('checkpoint') || state.length > CHECKPOINT_HANDED_MAX_BYTES) return
    const isLong = spec.limits.unitSeconds >= LONG_UNIT_SECONDS || now - known.since >= LONG_UNIT_SECONDS * 1_000
    if (!isLong || now < known.nextAt) return
    known.nextAt = now + CHECKPOINT_HANDED_EVERY_MS
    const { job, epoch } = lease
    await through.checkpoint({ job, epoch, unit, sha256: await digestOf(state), bytes: state.length }, state)
  }

  return {
    setSession(next) {
      session = next
    },
    load: (job, unit, kind, foreign) => checkpoints.load(job, unit, kind, foreign),
    save(job, unit, kind, state, held) {
      checkpoints.save(job, unit, kind, state)
      const leased = jobs.leased(job.id)
      if (leased !== undefined) checkpoints.keepLease(held.lease, held.unfinished, leased)
      hand(held, unit, state, job.spec).catch(() => undefined)
    },
    drop(job, unit) {
      handing.delete(handingKey(job, unit))
      checkpoints.drop(job, unit)
    },
    letGo(lease) {
      for (let unit = lease.start; unit < lease.start + lease.count; unit++) handing.delete(handingKey(lease.job, unit))
      checkpoints.dropLease(lease)
    }
  }
}

export interface Adopting {
  adopt(lease: HeldLease['lease'], unfinished: readonly number[]): void
}

/** Leases that an earlier program of this host held go to the executors. Those of jobs that do not hold, or were revoked, are dropped. */
export async function adoptLeases(
  checkpoints: Checkpoints,
  jobs: JobCache,
  compute: Adopting,
  kinds: readonly ExecutorKind[]
): Promise<void> {
  for (const { lease, unfinished, job } of await checkpoints.keptLeases()) {
    const holds = (await jobs.admit(job, job.admittedBy)) && jobs.spec(lease.job) !== undefined
    if (holds && kinds.includes(lease.executor)) compute.adopt(lease, unfinished)
    else checkpoints.dropLease(lease)
  }
}

function handingKey(job: JobId, unit: number): string {
  return `${job}/${unit}`
}
