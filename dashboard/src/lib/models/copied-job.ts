/** A job as this browser's copy of the ledger knows it: no times, no results, no hosts; what is settled is signed. */
import type { JobState, UnitCounts } from '@peercompute/job-specs'
import { settledUnits, type LedgerJob } from '@peercompute/worker-client/ledger-copy'

export interface CopiedJob {
  readonly id: string
  readonly name: string
  readonly title: string
  readonly researcher: string
  readonly state: JobState
  readonly unitCount: number
  readonly units: UnitCounts
}

export function copiedJob({ id, signed, admitted, cancelled, ended, settled }: LedgerJob): CopiedJob {
  const { name, title, researcher, unitCount } = signed.spec
  const validated = Math.min(unitCount, settledUnits(settled))
  const errored = ended?.state === 'failed' ? unitCount - validated : 0
  return {
    id,
    name,
    title,
    researcher,
    state: ended?.state ?? (cancelled ? 'cancelled' : admitted ? 'running' : 'queued'),
    unitCount,
    units: { validated, validating: 0, inProgress: 0, errored, waiting: unitCount - validated - errored }
  }
}

/** Running ones first, otherwise the latest that the ledger told of. */
export function inOrder(jobs: Iterable<LedgerJob>): CopiedJob[] {
  const copied = [...jobs].map(copiedJob).reverse()
  return [...copied.filter(({ state }) => state === 'running'), ...copied.filter(({ state }) => state !== 'running')]
}
