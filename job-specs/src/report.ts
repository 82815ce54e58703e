/**
 * A report: what one host found for (part of) one lease. Signed by the host, so that nobody else can claim or copy it.
 * A result's identity is (unit, host, epoch); repeating a report is harmless and answered as `duplicate`.
 */
import { z } from 'zod'
import { contentHashSchema, epochSchema, hostIdSchema, jobIdSchema, signatureSchema, timestampSchema, unitIndexSchema } from './ids.ts'
import { executorKindSchema } from './kernel.ts'
import { benchmarkSchema, numericClassSchema } from './host.ts'
import { unitFailureSchema } from './reasons.ts'
import { sign, verify, type KeyPair } from './keys.ts'

export const REPORT_UNITS_MAX = 256

/**
 * One unit's outcome. A success carries the digest (SHA-256 of the value) and the value's length; the bytes follow as the
 * frame's attachment, unit after unit. A failure carries a reason and no bytes.
 */
export const unitResultSchema = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('success'),
    unit: unitIndexSchema,
    digest: contentHashSchema,
    bytes: z.int().min(1).max(1_048_576),
    computeMs: z.number().min(0).max(1e9)
  }),
  z.strictObject({
    outcome: z.literal('failure'),
    unit: unitIndexSchema,
    reason: unitFailureSchema,
    /** The compiler's or the program's own message, for the researcher. */
    message: z.string().max(2_000),
    computeMs: z.number().min(0).max(1e9)
  })
])
export type UnitResult = z.infer<typeof unitResultSchema>

export const reportBodySchema = z.strictObject({
  v: z.literal(1),
  job: jobIdSchema,
  epoch: epochSchema,
  host: hostIdSchema,
  executor: executorKindSchema,
  numericClass: numericClassSchema,
  probeVersion: z.int().min(1).max(1_000_000),
  /** Speed of the executor as it was measured; absent where it was not. */
  benchmark: benchmarkSchema.optional(),
  /** When the host finished, by its own clock. Advisory. */
  ts: timestampSchema,
  units: z.array(unitResultSchema).min(1).max(REPORT_UNITS_MAX),
  /** Hash of a saved state of the last, unfinished unit (capability `checkpoint`). */
  checkpoint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
})
export const reportSchema = reportBodySchema.extend({ sig: signatureSchema })
export type ReportBody = z.infer<typeof reportBodySchema>
export type Report = z.infer<typeof reportSchema>

export async function signReport(host: KeyPair, body: ReportBody): Promise<Report> {
  return { ...body, sig: await sign(host, 'report', body) }
}

export async function verifyReport(report: Report): Promise<boolean> {
  const { sig, ...body } = report
  return verify(body.host, 'report', body, sig)
}

/** What became of each reported unit. All of them end the host's duty: it may forget the result. */
export const reportAnswers = ['accepted', 'duplicate', 'late', 'not_held', 'job_closed', 'rejected'] as const
export const reportAnswerSchema = z.enum(reportAnswers)
export type ReportAnswer = z.infer<typeof reportAnswerSchema>
