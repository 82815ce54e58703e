/** A comparator that a job brings: `agree(a, b)` in the cage, asked both ways, because agreeing is mutual. */
import { MAX_DIFFERENCE, type Comparison, type OutputSpec } from '@peercompute/job-specs'
import { outputElementsByName } from '@peercompute/job-specs/verifiers'
import { z } from 'zod'
import type { Cage } from './cage.ts'

/** Enough for one loop over the largest value; some tens of milliseconds at most. */
export const COMPARE_FUEL = 80

const distanceSchema = z.number().min(0).max(MAX_DIFFERENCE)
const answerSchema = z.union([
  z.boolean(),
  z.object({ agree: z.boolean(), metric: distanceSchema.optional(), bound: distanceSchema.optional(), detail: z.string().optional() })
])

/** Each a function of outputs by name, as the program sees them. The two values have the declared length. */
export function compareInCage(cage: Cage, source: string, outputs: readonly OutputSpec[], a: Uint8Array, b: Uint8Array): Comparison {
  const one = comparedOneWay(cage, source, outputs, a, b)
  if (one.failed === true) return one
  const other = comparedOneWay(cage, source, outputs, b, a)
  if (other.failed === true) return other
  if (one.agree === other.agree) return one
  return { agree: false, metric: MAX_DIFFERENCE, bound: 0, detail: 'The comparator says yes one way round and no the other way round.' }
}

function comparedOneWay(cage: Cage, source: string, outputs: readonly OutputSpec[], a: Uint8Array, b: Uint8Array): Comparison {
  const args = [a, b].map((value) => Object.fromEntries(outputElementsByName(outputs, value)))
  const outcome = cage.call({ source, entry: 'agree', args, fuel: COMPARE_FUEL })
  if (!outcome.ok) return failedComparison(outcome.detail)
  const answer = answerSchema.safeParse(outcome.answer)
  if (!answer.success)
    return failedComparison('agree must return true, false or { agree, metric, bound, detail } with finite numbers from 0.')
  const given = typeof answer.data === 'boolean' ? { agree: answer.data } : answer.data
  const { agree, metric = agree ? 0 : 1, bound = 0, detail = `The job's comparator says ${agree ? 'yes' : 'no'}.` } = given
  if (agree !== metric <= bound)
    return failedComparison(`agree is ${agree}, although the metric ${metric} and the bound ${bound} say otherwise.`)
  return { agree, metric, bound, detail }
}

/** Two results of which the job's comparator could not tell whether they agree. */
export function failedComparison(why: string): Comparison {
  return { agree: false, metric: MAX_DIFFERENCE, bound: 0, detail: `The job's comparator failed: ${why}`, failed: true }
}
