/**
 * A sorted list with the permutation as its certificate: values ascend, value i stood at place order[i] of the input, and each place is
 * named once. Equal values keep their order, so exactly one answer is right. O(n), and a wrong answer never passes
 * (K. Mehlhorn et al., Certifying algorithms, Computer Science Review 5, 2011).
 */
import type { Verdict, Verifier } from '../verifier.ts'
import { inputOf, outputOf, type VerifierCase } from './elements.ts'

type Sorted = Extract<Verifier, { kind: 'sorted' }>

export function sorted({ of, values: valuesName, order: orderName }: Sorted, given: VerifierCase): Verdict {
  const [values, order] = [outputOf(given, valuesName), outputOf(given, orderName)]
  const input = inputOf(given, of, values.length)
  // NaN has no place in an order.
  if (input.some((value) => Number.isNaN(value))) return { pass: null, detail: 'The input holds NaN.' }
  const named = new Uint8Array(values.length)
  for (let index = 0; index < values.length; index++) {
    const [place, value] = [order[index] ?? -1, values[index]]
    if (place < 0 || place >= values.length || named[place] === 1)
      return { pass: false, detail: `Place ${place} is named twice or does not exist, at ${index}.` }
    named[place] = 1
    if (!Object.is(input[place], value)) return { pass: false, detail: `${String(value)} at ${index} is not what stood at ${place}.` }
    if (index === 0 || value === undefined) continue
    const [before, placeBefore] = [values[index - 1] ?? NaN, order[index - 1] ?? -1]
    if (!(before < value || (before === value && placeBefore < place)))
      return { pass: false, detail: `${String(value)} at ${index} does not come after ${before}.` }
  }
  return { pass: true, detail: `${values.length} values ascend and are those of the input.` }
}
