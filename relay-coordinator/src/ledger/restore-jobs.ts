/** From the ledger back into an empty store: jobs, settled units, credit. Result values are in no ledger. */
import type { LedgerState } from '@peercompute/ledger'
import type { AwaitedBlobs } from '../blobs/awaited-blobs.ts'
import type { Coordinator } from '../coordinator.ts'

export interface Restored {
  readonly jobs: number
  /** Settled units that need not be computed again. Their values are not held. */
  readonly units: number
  readonly accounts: number
}

/** True when the ledger remembers anything that a coordinator must not forget. */
export function remembersWork({ jobs, credit }: LedgerState): boolean {
  return credit.size > 0 || [...jobs.values()].some(({ admitted }) => admitted)
}

/** Doing it twice changes nothing. Jobs that were never admitted are left to the intake. */
export async function restoreJobs(
  state: LedgerState,
  { coordinator, awaited }: { readonly coordinator: Coordinator; readonly awaited: AwaitedBlobs }
): Promise<Restored> {
  let jobs = 0
  let units = 0
  for (const { signed, custodial, settled, ended, cancelled, admitted } of state.jobs.values()) {
    if (!admitted) continue
    const restored = await coordinator.restore({ signed, custodial, settled, ended: ended?.state ?? (cancelled ? 'cancelled' : null) })
    awaited.expect(signed.spec, restored.missingBlobs)
    jobs++
    units += restored.units
  }
  await coordinator.restoreCredit(state.credit)
  return { jobs, units, accounts: state.credit.size }
}
