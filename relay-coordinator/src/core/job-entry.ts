import { judgingOf } from './judging.ts'
import { RangeSet } from './range-set.ts'
import type { JobEntry } from './job.ts'
import type { CoordinatorState } from './state.ts'
import type { JobRow } from './store.ts'
import { SubnetShares } from './subnet-shares.ts'
import { WantQueue } from './want-queue.ts'

/** A job as its row tells of it, with nothing in flight. */
export function jobEntry(row: JobRow, { trust, custom }: Pick<CoordinatorState, 'trust' | 'custom'>): JobEntry {
  return {
    ...row,
    pricing:
      row.pricing === null
        ? null
        : { operations: [...row.pricing.operations], paid: new Map(row.pricing.paid), hosts: new Map(row.pricing.hosts) },
    judging: judgingOf(trust, row.signed.spec, custom),
    missingBlobs: new Set(row.missingBlobs),
    units: new Map(),
    leases: new Map(),
    overLeases: new Set(),
    running: new Set(),
    seats: new Map(),
    wanting: new WantQueue(),
    inProgress: 0,
    validating: 0,
    settled: new RangeSet(),
    errored: new RangeSet(),
    notHeld: new RangeSet(),
    settlers: new Set(row.settlers),
    failures: new Map(row.failures),
    unable: new Map(),
    uncompiled: new Map(),
    trouble: row.executions > 0 ? null : { failures: 0, hosts: new Set() },
    devicesLost: new Set(),
    checkpoints: new Map(),
    shares: new SubnetShares(),
    lastTurn: 0,
    place: null
  }
}
