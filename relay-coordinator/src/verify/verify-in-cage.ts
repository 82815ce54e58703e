/** A verifier that a job brings: `verify({ unit, params, inputs, outputs, random })` in the cage, and what its answer means. */
import { unitValueBytes, type JobSpec, type Verdict } from '@peercompute/job-specs'
import { elementsOf, outputElementsByName, type Seed } from '@peercompute/job-specs/verifiers'
import { z } from 'zod'
import type { Cage, CageValue } from './cage.ts'

/** About a second of a program's own work. */
export const VERIFY_FUEL = 2_000

const answerSchema = z.union([z.boolean(), z.object({ pass: z.boolean(), detail: z.string().optional() })])

export interface VerifierProgram {
  readonly spec: JobSpec
  readonly source: string
  /** Bytes by name. */
  readonly inputs: ReadonlyMap<string, Uint8Array>
}

export function verifyInCage(cage: Cage, { spec, source, inputs }: VerifierProgram, unit: number, value: Uint8Array, seed: Seed): Verdict {
  const wanted = unitValueBytes(spec.outputs)
  if (value.length !== wanted) return { pass: false, detail: `The value has ${value.length} bytes instead of ${wanted}.` }
  const given: CageValue = {
    unit,
    params: spec.params,
    inputs: Object.fromEntries(spec.inputs.map(({ name, type }) => [name, elementsOf(type, inputs.get(name) ?? new Uint8Array())])),
    outputs: Object.fromEntries(outputElementsByName(spec.outputs, value)),
    random: { seed }
  }
  const outcome = cage.call({ source, entry: 'verify', args: [given], fuel: VERIFY_FUEL })
  if (!outcome.ok) return { pass: null, detail: outcome.detail }
  const answer = answerSchema.safeParse(outcome.answer)
  if (!answer.success) return { pass: null, detail: 'verify must return true, false or { pass, detail }.' }
  if (typeof answer.data === 'boolean') return { pass: answer.data, detail: answer.data ? 'The check passed.' : 'The check failed.' }
  const { pass, detail } = answer.data
  return { pass, detail: detail ?? (pass ? 'The check passed.' : 'The check failed.') }
}
