/** A cheap check of one unit's value, run by the coordinator on every result instead of computing the unit twice. */
import { z } from 'zod'
import { blobRefSchema } from './blob.ts'

/** `verify({ unit, params, inputs, outputs })` of an ES module without imports, in a cage with a limit of steps. */
export const verifierSchema = z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('custom'), js: blobRefSchema })])
export type Verifier = z.infer<typeof verifierSchema>

/** What a verifier says of a value. `detail`: one sentence. */
export interface Verdict {
  readonly pass: boolean
  readonly detail: string
}
