/** How a job's results come to be believed. Policies other than `quorum` are reserved names until their planner exists. */
import { z } from 'zod'
import { identifierSchema } from './kernel.ts'

/** What two results of one unit must not share to count as two opinions, weakest first. */
export const independenceLevels = ['executor', 'host', 'owner', 'subnet'] as const
export const independenceSchema = z.enum(independenceLevels)
export type Independence = z.infer<typeof independenceSchema>

/**
 * `exact`: the digests are equal. `tolerance`: same length, and for each element |a − b| ≤ max(absolute, relative · max(|a|, |b|));
 * NaN equals NaN, an infinity only itself. Tolerance is not transitive: results are compared with one reference each (a star).
 */
export const comparatorSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('exact') }),
  z.strictObject({ kind: z.literal('tolerance'), absolute: z.number().min(0), relative: z.number().min(0).max(1) })
])
export type Comparator = z.infer<typeof comparatorSchema>

export const verificationSchema = z.strictObject({
  policy: z.literal('quorum'),
  /** Agreeing independent results that settle a unit. */
  quorum: z.int().min(1).max(8),
  independence: independenceSchema,
  comparator: comparatorSchema,
  /** Executions after which a unit without agreement is declared inconclusive. */
  maxResults: z.int().min(1).max(16)
})
export type Verification = z.infer<typeof verificationSchema>

export const MAX_RESULTS_DEFAULT = 8

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
