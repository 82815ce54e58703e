/** A lease: time-limited permission for one host to compute a range of units of one job on one kind of executor. */
import { z } from 'zod'
import { epochSchema, jobIdSchema, timestampSchema, unitIndexSchema } from './ids.ts'
import { executorKindSchema } from './kernel.ts'

export const LEASE_UNITS_MAX = 4096

export const leaseSchema = z.strictObject({
  job: jobIdSchema,
  start: unitIndexSchema,
  count: z.int().min(1).max(LEASE_UNITS_MAX),
  epoch: epochSchema,
  executor: executorKindSchema,
  /** Coordinator's clock, epoch ms. After it the units may be given to somebody else; a late report is still an ordinary message. */
  deadline: timestampSchema,
  /** Milliseconds from the moment of sending to the deadline, so that a host with a wrong clock can time it. */
  durationMs: z.int().min(1).max(86_400_000),
  /** Hash of a checkpoint blob to resume from. Only to hosts with the `checkpoint` capability, only for single units. */
  checkpoint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
})
export type Lease = z.infer<typeof leaseSchema>
