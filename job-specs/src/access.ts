/** Shapes of the operator's part of the API: tokens, researchers, revocations, the audit log. */
import { z } from 'zod'
import { authorIdSchema, jobIdSchema, timestampSchema } from './ids.ts'
import { REVOCATION_REASON_MAX } from './record.ts'

/** What a token lets its holder do; `admin` includes the others. docs/guides/operator.md says what each allows. */
export const tokenScopes = ['publish', 'read', 'admin'] as const
export const tokenScopeSchema = z.enum(tokenScopes)
export type TokenScope = z.infer<typeof tokenScopeSchema>

export const tokenViewSchema = z.object({
  /** The beginning of its SHA-256: names the token and tells nothing of it. */
  id: z.string().regex(/^[0-9a-f]{12}$/),
  label: z.string(),
  scopes: z.array(tokenScopeSchema),
  createdAt: timestampSchema,
  expiresAt: timestampSchema.nullable(),
  revokedAt: timestampSchema.nullable(),
  /** To the minute. */
  lastUsedAt: timestampSchema.nullable()
})
export type TokenView = z.infer<typeof tokenViewSchema>
export const createTokenBodySchema = z.strictObject({
  label: z.string().max(100).default(''),
  scopes: z.array(tokenScopeSchema).min(1).max(tokenScopes.length),
  /** Seconds from now; it does not expire when left out. */
  expiresIn: z.int().min(1).max(315_360_000).optional()
})
/** `token` is shown here and never again. */
export const createdTokenSchema = tokenViewSchema.extend({ token: z.string() })
export type CreatedToken = z.infer<typeof createdTokenSchema>
export const tokenListSchema = z.object({ tokens: z.array(tokenViewSchema) })

export const researcherStatuses = ['waiting', 'approved', 'refused'] as const
export const researcherViewSchema = z.object({
  author: authorIdSchema,
  status: z.enum(researcherStatuses),
  /** As the first job named the researcher: a claim, not checked by anybody. */
  name: z.string(),
  askedAt: timestampSchema,
  decidedAt: timestampSchema.nullable()
})
export type ResearcherView = z.infer<typeof researcherViewSchema>
export const researcherListSchema = z.object({ researchers: z.array(researcherViewSchema) })
/** `jobs`: those that began, or were cancelled, by it. */
export const researcherDecisionSchema = z.object({ researcher: researcherViewSchema, jobs: z.array(jobIdSchema) })
export type ResearcherDecision = z.infer<typeof researcherDecisionSchema>

const revocationReasonSchema = z.string().trim().min(1).max(REVOCATION_REASON_MAX)
export const revocationBodySchema = z.union([
  z.strictObject({ job: jobIdSchema, reason: revocationReasonSchema }),
  z.strictObject({ key: authorIdSchema, reason: revocationReasonSchema })
])
export type RevocationBody = z.infer<typeof revocationBodySchema>
export const revocationViewSchema = z.object({
  kind: z.enum(['job', 'key']),
  subject: z.string(),
  reason: z.string(),
  at: timestampSchema
})
export type RevocationView = z.infer<typeof revocationViewSchema>
export const revocationListSchema = z.object({ revocations: z.array(revocationViewSchema) })
export const revocationAnswerSchema = z.object({
  revocation: revocationViewSchema,
  /** Jobs that it has stopped. */
  jobs: z.array(jobIdSchema),
  /** False when the signed record could not be appended to the ledger yet: it is tried again every second. */
  announced: z.boolean()
})
export type RevocationAnswer = z.infer<typeof revocationAnswerSchema>

export const auditEntrySchema = z.object({
  /** From 1, without gaps. */
  seq: z.int(),
  at: timestampSchema,
  kind: z.string(),
  body: z.unknown(),
  /** SHA-256 over the hash of the entry before and this one. Null in entries from before there were hashes. */
  hash: z.string().nullable()
})
export type AuditEntry = z.infer<typeof auditEntrySchema>
/** In order. `next`: the number to go on with, null at the end. */
export const auditPageSchema = z.object({ entries: z.array(auditEntrySchema), next: z.int().nullable() })
export type AuditPage = z.infer<typeof auditPageSchema>
