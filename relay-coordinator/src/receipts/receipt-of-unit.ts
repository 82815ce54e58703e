/** From a settled unit as the store has it to its receipt. */
import { receiptBase, type JobId, type JobSpec, type UnitReceipt } from '@peercompute/job-specs'
import type { SettledUnit } from '../core/index.ts'

/** Made once for a job: the hash of the specification is part of each receipt. */
export function receiptWriter(job: JobId, spec: JobSpec): (unit: SettledUnit) => UnitReceipt {
  const base = receiptBase(job, spec)
  return ({ unit, digest, votes, errorProbability, settledAt }) => ({
    ...base,
    unit,
    digest,
    votes: votes.map(({ holder: { host, account, executor }, numericClass, probeVersion, epoch, verdict, digest: own, metric, bound }) => ({
      host,
      account,
      executor,
      numericClass,
      probeVersion,
      epoch,
      verdict,
      digest: own,
      metric,
      bound
    })),
    errorProbability,
    settledAt
  })
}
