/** A lease that outlives the program that holds it: what is needed to claim it and to go on with it after a start. */
import { leaseSchema, LEASE_UNITS_MAX, unitIndexSchema, type Bytes, type Lease } from '@peercompute/job-specs'
import { decodeFrames, encodeFrame, leasedJobSchema, type LeasedJob } from '@peercompute/job-specs/protocol'
import { z } from 'zod'

/** A work frame brought it here, and a specification fits into one. */
const RECORD_MAX_BYTES = 4_194_304

export interface KeptLease {
  readonly lease: Lease
  /** Its units that had no outcome when it was kept. What was reported since is computed again, and answered as a duplicate. */
  readonly unfinished: readonly number[]
  readonly job: LeasedJob
}

const recordSchema = z
  .strictObject({
    v: z.literal(1),
    lease: leaseSchema,
    unfinished: z.array(unitIndexSchema).min(1).max(LEASE_UNITS_MAX),
    job: leasedJobSchema
  })
  .refine(
    ({ lease, unfinished, job }) =>
      job.job === lease.job && unfinished.every((unit) => unit >= lease.start && unit < lease.start + lease.count),
    'does not fit together'
  )

export function encodeLease({ lease, unfinished, job }: KeptLease): Bytes {
  return encodeFrame({ v: 1, lease, unfinished, job })
}

/** Null for what is no record of this version. */
export function decodeLease(record: Uint8Array): KeptLease | null {
  try {
    const parsed = recordSchema.safeParse(decodeFrames(record, RECORD_MAX_BYTES)[0]?.message)
    return parsed.success ? { lease: parsed.data.lease, unfinished: parsed.data.unfinished, job: parsed.data.job } : null
  } catch {
    return null
  }
}
