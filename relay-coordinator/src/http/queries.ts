/** What the addresses of the API carry besides the shapes of job-specs. Query values arrive as text. */
import {
  accountIdSchema,
  authorIdSchema,
  hostIdSchema,
  jobIdSchema,
  contentHashSchema,
  tokenViewSchema,
  type ErrorCode
} from '@peercompute/job-specs'
import { z } from 'zod'

export const jobParams = z.object({ id: jobIdSchema })
export const hostParams = z.object({ id: hostIdSchema })
export const tokenParams = z.object({ id: tokenViewSchema.shape.id })
export const researcherParams = z.object({ key: authorIdSchema })
export const blobParams = z.object({ sha256: contentHashSchema })

const count = (text: z.ZodString, max: number, fallback: number) =>
  text
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(max))
    .default(fallback)
const unit = z
  .string()
  .regex(/^\d{1,16}$/, 'must be a whole number')
  .transform(Number)
  .pipe(z.int().min(0).max(Number.MAX_SAFE_INTEGER))

export const pageQuery = z.object({
  limit: count(z.string(), 200, 50),
  cursor: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/)
    .optional()
})
export const accountParams = z.object({ id: accountIdSchema })
export const boardQuery = pageQuery.extend({ by: z.enum(['account', 'team']).default('account') })
export const resultsQuery = z.object({
  format: z.enum(['json', 'ndjson', 'csv']).default('json'),
  from: unit.default(0),
  /** Units. A page of `json` has 1000 at most; the other formats stream. */
  limit: z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1))
    .optional()
})
export const valuesQuery = z.object({ start: unit.default(0), count: count(z.string(), 4_096, 256) })
export const whyQuery = z.object({ unit: unit.optional() })
export const eventsQuery = z.object({ job: jobIdSchema.optional() })

export const auditQuery = z.object({ from: unit.default(1), limit: count(z.string(), 1_000, 200) })

export const JOB_BODY_INVALID = { invalidBody: 'JOB_INVALID', bodyTooLarge: 'JOB_TOO_LARGE' } as const satisfies Record<string, ErrorCode>
