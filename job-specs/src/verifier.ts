/** A cheap check of one unit's value, run by the coordinator on every result instead of computing the unit twice. */
import { z } from 'zod'
import { blobRefSchema } from './blob.ts'
import { identifierSchema } from './kernel.ts'

const name = (what: string) => identifierSchema.describe(what)

/** Rounds of Freivalds' check when none are given: a wrong product passes with a probability of at most 2^-20. */
export const FREIVALDS_ROUNDS_DEFAULT = 20

/** The number of unit u is first + u * step. */
const progressionSchema = z.strictObject({
  first: z.int().min(2).max(Number.MAX_SAFE_INTEGER).describe('The number of unit 0'),
  step: z.int().min(0).max(Number.MAX_SAFE_INTEGER).describe('What the next unit adds')
})

/**
 * `custom`: `verify({ unit, params, inputs, outputs, random })` of an ES module without imports, in a cage with a limit of steps.
 * The others are built in; each is explained, with its source, where it lives (`verifiers/`).
 *
 * An input is either read whole by every unit, or it is `unitCount` times as long and unit `u` reads the part with that number. What a
 * check starts from is never taken from the outputs: a host that may choose the question has an easy answer.
 */
export const verifierSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('custom'), js: blobRefSchema }),
  z.strictObject({
    kind: z.literal('freivalds'),
    a: name('Input: the left matrix, row by row'),
    b: name('Input: the right matrix, row by row'),
    c: name('Output: their product; its shape is [rows, columns]'),
    inner: z.int().min(1).max(16_777_216).describe('Columns of the left and rows of the right matrix'),
    rounds: z.int().min(1).max(64).optional().describe('A wrong product passes with a probability of at most 2^-rounds; 20 unless given')
  }),
  z.strictObject({
    kind: z.literal('residual'),
    a: name('Input: a square matrix, row by row'),
    b: name('Input: the right-hand side'),
    x: name('Output: the solution of a x = b'),
    bound: z.number().min(1e-16).max(1).optional().describe('Largest normwise backward error; 16 n unit roundoffs unless given')
  }),
  z.strictObject({
    kind: z.literal('factors'),
    number: z.union([name('Input: numbers as pairs of low and high word'), progressionSchema]).describe('The number to be factored'),
    factors: name('Output: the prime factors, ascending, as pairs of low and high word, then zeros')
  }),
  z.strictObject({
    kind: z.literal('preimage'),
    prefix: name('Input: bytes that come first').optional(),
    nonce: name('Output: bytes that come last'),
    bits: z.int().min(1).max(64).describe('Leading zero bits of SHA-256(prefix, unit as 8 bytes, nonce)')
  }),
  z.strictObject({
    kind: z.literal('sorted'),
    of: name('Input: what is sorted'),
    values: name('Output: the same numbers in ascending order'),
    order: name('Output: where each of them stood, from 0; equal ones keep their order')
  })
])
export type Verifier = z.infer<typeof verifierSchema>
/** Those that need no program of the job's own. */
export type BuiltInVerifier = Exclude<Verifier, { kind: 'custom' }>

/** What a verifier says of a value. */
export interface Verdict {
  /** Null: the verifier itself failed, which says nothing of the value. */
  readonly pass: boolean | null
  /** One sentence. */
  readonly detail: string
}
