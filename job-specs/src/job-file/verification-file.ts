/** How a job file says when a result is believed, and what follows from it together with what the kernel knows. */
import { z } from 'zod'
import type { BlobRef } from '../blob.ts'
import { verifierSchema, type Verifier } from '../verifier.ts'
import { MAX_RESULTS_MAX, comparatorSchema, errorProbabilitySchema, independenceSchema, policies } from '../verification.ts'
import type { Comparator, Verification } from '../verification.ts'
import type { VerificationWish } from '../choose-verification.ts'
import type { DescribedIssue } from './describe-issue.ts'
import { jobFilePathSchema } from './job-file-path.ts'

const [exact, tolerance, ulp, statistical, custom] = comparatorSchema.options
const [, ...builtInVerifiers] = verifierSchema.options

const comparatorFileSchema = z.discriminatedUnion('kind', [
  exact,
  tolerance,
  ulp,
  statistical,
  custom.extend({ js: jobFilePathSchema.describe('ES module without imports that exports agree(a, b)') })
])

const verifierFileSchema = z.union([
  jobFilePathSchema.describe('ES module without imports that exports verify({ unit, params, inputs, outputs, random })'),
  z.discriminatedUnion('kind', builtInVerifiers)
])

export const verificationFileSchema = z.strictObject({
  errorProbability: errorProbabilitySchema
    .optional()
    .describe('Share of wrong units that you accept; 0.001 unless given. Without a policy, the cheapest rule that reaches it is planned'),
  budget: z
    .number()
    .min(1)
    .max(MAX_RESULTS_MAX)
    .optional()
    .describe('Executions of each unit that may be spent, on average; without a policy the rule is planned within it'),
  critical: z.boolean().optional().describe('No computer is believed alone, whatever it has shown: at least three results must agree'),
  policy: z.enum(policies).optional().describe('The rule itself, for those who know which; credibility unless something else follows'),
  quorum: z
    .int()
    .min(1)
    .max(8)
    .optional()
    .describe('Agreeing independent results that settle a unit; given alone, the policy is quorum. 2 unless given'),
  independence: independenceSchema.optional().describe('What two results must not share to count as two; subnet unless given'),
  comparator: comparatorFileSchema.optional().describe('When two results agree; exact unless given'),
  verify: verifierFileSchema
    .optional()
    .describe('A cheap check of one result, run by the coordinator, so that one result is enough; given alone, the policy is verifier'),
  maxResults: z
    .int()
    .min(1)
    .max(MAX_RESULTS_MAX)
    .optional()
    .describe('Executions after which a unit without agreement is given up; 16 for the policy credibility and 8 for others unless given')
})
export type VerificationFile = z.infer<typeof verificationFileSchema>

/** Programs that it names. */
export function verificationFiles({ comparator, verify }: VerificationFile): readonly string[] {
  return [...(typeof verify === 'string' ? [verify] : []), ...(comparator?.kind === 'custom' ? [comparator.js] : [])]
}

/** What is written, with hashes in the place of files. */
export type WrittenVerification = Pick<VerificationWish, keyof VerificationFile>

/** The file's own, or the place of a program that is not there. */
export function withHashes(file: VerificationFile, blobs: ReadonlyMap<string, BlobRef>): WrittenVerification | DescribedIssue {
  const { verify, comparator, ...rest } = file
  const missing = (field: string, path: string): DescribedIssue => ({
    path: ['verification', ...field.split('.')],
    atKey: false,
    message: `The file ${path} is not there`
  })
  const out: { verify?: Verifier; comparator?: Comparator } = {}
  if (typeof verify === 'string') {
    const js = blobs.get(verify)
    if (js === undefined) return missing('verify', verify)
    out.verify = { kind: 'custom', js }
  } else if (verify !== undefined) out.verify = verify
  if (comparator?.kind === 'custom') {
    const js = blobs.get(comparator.js)
    if (js === undefined) return missing('comparator.js', comparator.js)
    out.comparator = { ...comparator, js }
  } else if (comparator !== undefined) out.comparator = comparator
  return { ...rest, ...out }
}

/** What the author wrote wins over what the kernel's author derived. */
export function wishOf(file: WrittenVerification, library: Verification | undefined): VerificationWish {
  const { comparator: written, ...rest } = file
  const comparator = written === undefined ? library?.comparator : strictWithinClass(written)
  const leavesOpen = file.quorum === undefined && file.critical !== true && (file.policy ?? 'verifier') === 'verifier'
  return {
    ...(library?.policy === 'verifier' && leavesOpen ? { verify: library.verify } : {}),
    ...rest,
    ...(comparator === undefined ? {} : { comparator })
  }
}

/** Devices that compute alike have no reason to differ. A library kernel's own comparator stands as its author derived it. */
function strictWithinClass(comparator: Comparator): Comparator {
  return comparator.kind === 'exact' ? comparator : { ...comparator, withinClass: comparator.withinClass ?? 'exact' }
}
