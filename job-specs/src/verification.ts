/** How a job's results come to be believed. */
import { z } from 'zod'
import { identifierSchema } from './kernel.ts'
import { verifierSchema } from './verifier.ts'
import { blobRefSchema } from './blob.ts'

/** What two results of one unit must not share to count as two opinions, weakest first. */
export const independenceLevels = ['executor', 'host', 'owner', 'subnet'] as const
export const independenceSchema = z.enum(independenceLevels)
export type Independence = z.infer<typeof independenceSchema>

/** The largest distance that says anything: from −∞ to ∞ there are fewer than 2^32 numbers of type f32. */
export const ULP_MAX = 2 ** 32

/**
 * What two results of one numeric class (equal label, equal probe version) owe each other: `exact` every byte, `tolerance` no more than
 * results of different classes. Absent in a specification: `tolerance`, as it was before the field existed; a job file says `exact`.
 */
const withinClassSchema = z
  .enum(['exact', 'tolerance'])
  .optional()
  .describe('What results of devices that compute alike (one numeric class) owe each other; exact unless given')

/** Two outputs with as many elements each: an estimated mean and its standard error. */
export const estimateSchema = z.strictObject({
  mean: identifierSchema.describe('Output with the estimated means'),
  standardError: identifierSchema.describe('Output with the standard error of each of them')
})

export type Estimate = z.infer<typeof estimateSchema>

/**
 * When two results agree. All but `exact` compare numbers: NaN equals NaN only, an infinity only itself, −0 is 0.
 *
 * `exact`: all bytes are equal.
 * `tolerance`: for each element |a − b| ≤ max(absolute, relative · max(|a|, |b|)).
 * `ulp`: no f32 or f64 element is more than `max` representable numbers away from its counterpart; integers are equal.
 * `statistical`: for each estimate |a − b| ≤ z · √(s_a² + s_b²), the standard uncertainty of a difference of independent estimates
 *   (JCGM 100:2008 §5.1.2) and the zeta score of ISO 13528. One standard error is at most `errorRatio` times (2 unless given) the
 *   other, or a liar's wide one would agree with everything. Outputs that belong to no estimate, such as a count of samples, are equal.
 *
 * None but `exact` is transitive: results are compared with one reference each (a star).
 */
export const comparatorSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('exact') }),
  z.strictObject({
    kind: z.literal('tolerance'),
    absolute: z.number().min(0).describe('Difference that is always permitted'),
    relative: z.number().min(0).max(1).describe('Difference that is permitted, as a part of the larger magnitude'),
    withinClass: withinClassSchema
  }),
  z.strictObject({
    kind: z.literal('ulp'),
    max: z.int().min(0).max(ULP_MAX).describe('Steps from one representable number to the next'),
    withinClass: withinClassSchema
  }),
  z.strictObject({
    kind: z.literal('statistical'),
    z: z.number().min(1).max(10).describe('Permitted difference in standard errors of the difference'),
    estimates: z.array(estimateSchema).min(1).max(4).describe('Outputs that estimate; all others must be equal'),
    errorRatio: z.number().min(1).max(100).optional().describe('Most that one standard error may be of the other; 2 unless given'),
    withinClass: withinClassSchema
  }),
  /** `agree(a, b)` of an ES module without imports decides, in a cage with a limit of steps. */
  z.strictObject({ kind: z.literal('custom'), js: blobRefSchema, withinClass: withinClassSchema })
])
export type Comparator = z.infer<typeof comparatorSchema>

export const MAX_RESULTS_MAX = 16

const common = {
  independence: independenceSchema,
  comparator: comparatorSchema,
  /** Executions after which a unit without agreement is declared inconclusive. */
  maxResults: z.int().min(1).max(MAX_RESULTS_MAX)
}

/** Agreeing independent results that settle a unit. */
const quorumSchema = z.int().min(1).max(8)

/** Accepted share of wrong units that a researcher may ask for. */
export const errorProbabilitySchema = z.number().min(1e-6).max(0.1)

/**
 * When a unit is settled.
 *
 * `quorum`: as soon as `quorum` results agree (m-first voting).
 * `adaptive`: as `quorum`, but a host with ten or more agreements in a row is believed alone with probability 1 − 1/row (BOINC's adaptive
 *   replication).
 * `credibility`: when the probability that the leading answer is wrong, from what is known of the hosts behind each answer, is at most
 *   `errorProbability` (Sarmenta, Sabotage-tolerance mechanisms for volunteer computing systems, CCGRID 2001).
 * `verifier`: when the job's own check passes; a small share is computed twice to check the check.
 */
export const verificationSchema = z.discriminatedUnion('policy', [
  z.strictObject({ policy: z.literal('quorum'), quorum: quorumSchema, ...common }),
  z.strictObject({ policy: z.literal('adaptive'), quorum: quorumSchema, ...common }),
  z.strictObject({ policy: z.literal('credibility'), errorProbability: errorProbabilitySchema, ...common }),
  z.strictObject({ policy: z.literal('verifier'), verify: verifierSchema, ...common })
])
export type Verification = z.infer<typeof verificationSchema>
export type Policy = Verification['policy']
export const policies = ['quorum', 'adaptive', 'credibility', 'verifier'] as const satisfies readonly Policy[]

export const MAX_RESULTS_DEFAULT = 8
export const ERROR_PROBABILITY_DEFAULT = 0.001

const SOURCES: Readonly<Record<Independence, string>> = {
  executor: 'different programs',
  host: 'different computers',
  owner: 'different people',
  subnet: 'different networks'
}

/** When a unit of such a job is believed, in one sentence for people. */
export function verificationSentence(verification: Verification): string {
  const sources = SOURCES[verification.independence]
  switch (verification.policy) {
    case 'quorum':
      if (verification.quorum === 1) return 'One result is believed as it is.'
      return `A unit is validated when ${verification.quorum} results from ${sources} agree.`
    case 'adaptive':
      return `A unit is validated when ${verification.quorum} results from ${sources} agree, or by a computer that has agreed with others ten times in a row.`
    case 'credibility':
      return `A unit is validated when its answer is wrong with a probability of at most ${verification.errorProbability}, by what is known of the computers behind it; those are on ${sources}.`
    case 'verifier':
      return "A unit is validated when the job's own check passes."
  }
}

/** The smallest number of results with which a unit can be settled. */
export function leastResults(verification: Verification): number {
  return verification.policy === 'quorum' ? verification.quorum : 1
}

/** What the finished units are folded into. `output` names one of the job's outputs. */
export const reducerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  /** Exact for integer outputs: the sum of all elements of all units, in decimal. */
  z.strictObject({ kind: z.literal('sum'), output: identifierSchema }),
  /** Smallest element over all units, with its unit and index; ties go to the lowest unit, then index. */
  z.strictObject({ kind: z.literal('argmin'), output: identifierSchema })
])
export type Reducer = z.infer<typeof reducerSchema>

/** The job's reduced value so far. `sum` is a decimal string because counts may pass 2^53. */
export const reducedSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('sum'), sum: z.string().regex(/^-?\d+$/) }),
  z.strictObject({ kind: z.literal('argmin'), value: z.number().nullable(), unit: z.int().nullable(), index: z.int().nullable() })
])
export type Reduced = z.infer<typeof reducedSchema>

/** How the result is drawn. The dashboard chooses a table when there is none. */
export const viewSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('number'), label: z.string().max(80) }),
  /** Each unit is a tile of `output` (shape [height, width]); units run row by row, `columns` tiles a row. */
  z.strictObject({
    kind: z.literal('image'),
    output: identifierSchema,
    columns: z.int().min(1).max(65_536),
    scale: z.enum(['linear', 'log', 'cyclic'])
  }),
  /** Each unit is one cell: the minimum of `output`. Cells run row by row, `columns` a row. Axes are labelled in the job's own words. */
  z.strictObject({
    kind: z.literal('surface'),
    output: identifierSchema,
    columns: z.int().min(1).max(65_536),
    x: z.strictObject({ label: z.string().max(80), from: z.number(), to: z.number() }),
    y: z.strictObject({ label: z.string().max(80), from: z.number(), to: z.number() })
  })
])
export type View = z.infer<typeof viewSchema>
