/**
 * Freivalds' check of a matrix product C = A·B (R. Freivalds, Probabilistic machines can use less running time, IFIP 1977): A·(B·r)
 * against C·r for random vectors r, in O(n²) a round instead of the O(n³) of the product.
 *
 * Integers wrap modulo 2^32, as they do in kernels. r is of zeros and ones: with all other elements of r fixed, a wrong element of C is
 * missed by at most one of the two values of its own, so a round misses with at most 1/2, in every ring.
 *
 * Floats: r is of −1 and 1, sums are in f64, and a row may be off by 2 (n + p) u (|A| |B| 1)_i, where n is the inner extent, p the columns
 * and u the unit roundoff of the elements: the a-priori bound of a product, γ_n |A| |B| (N. Higham, Accuracy and Stability of Numerical
 * Algorithms, 2nd ed., eq. 3.13), with room for the check's own rounding, plus what flushing to zero may lose. A wrong element that is
 * off by more than that is missed by at most one of the two values: 1/2 a round again.
 */
import type { ElementType } from '../kernel.ts'
import { FREIVALDS_ROUNDS_DEFAULT, type Verdict, type Verifier } from '../verifier.ts'
import { inputOf, outputOf, type Elements, type VerifierCase } from './elements.ts'

type Freivalds = Extract<Verifier, { kind: 'freivalds' }>

const UNIT_ROUNDOFF = { f32: 2 ** -24, f64: 2 ** -53 }
/** Smallest normal numbers. */
const SMALLEST = { f32: 2 ** -126, f64: 2 ** -1022 }

interface Product {
  readonly a: Elements
  readonly b: Elements
  readonly c: Elements
  readonly rows: number
  readonly inner: number
  readonly columns: number
}

export function freivalds({ a, b, c, inner, rounds = FREIVALDS_ROUNDS_DEFAULT }: Freivalds, given: VerifierCase): Verdict {
  const output = given.spec.outputs.find(({ name }) => name === c)
  const [rows = 1, columns = 1] = output?.shape ?? []
  const product: Product = {
    a: inputOf(given, a, rows * inner),
    b: inputOf(given, b, inner * columns),
    c: outputOf(given, c),
    rows,
    inner,
    columns
  }
  const type: ElementType = output?.type ?? 'f64'
  return type === 'f32' || type === 'f64' ? floats(product, type, rounds, given.random) : integers(product, rounds, given.random)
}

function integers({ a, b, c, rows, inner, columns }: Product, rounds: number, random: () => number): Verdict {
  for (let round = 0; round < rounds; round++) {
    const r = Int32Array.from({ length: columns }, () => (random() < 0.5 ? 0 : 1))
    const right = wrapped(a, rows, inner, wrapped(b, inner, columns, r))
    const row = wrapped(c, rows, columns, r).findIndex((value, index) => value !== right[index])
    if (row >= 0) return { pass: false, detail: `Row ${row} is not that of the product, by round ${round + 1} of Freivalds' check.` }
  }
  return { pass: true, detail: `${rounds} rounds of Freivalds' check passed.` }
}

function floats({ a, b, c, rows, inner, columns }: Product, type: 'f32' | 'f64', rounds: number, random: () => number): Verdict {
  const ones = new Float64Array(columns).fill(1)
  const magnitude = times(a.map(Math.abs), rows, inner, times(b.map(Math.abs), inner, columns, ones))
  if (!magnitude.every(Number.isFinite)) return { pass: null, detail: 'The inputs hold, or multiply to, numbers that are not finite.' }
  const bounds = magnitude.map((size) => 2 * (inner + columns) * UNIT_ROUNDOFF[type] * size + inner * columns * SMALLEST[type])
  for (let round = 0; round < rounds; round++) {
    const r = Float64Array.from({ length: columns }, () => (random() < 0.5 ? -1 : 1))
    const right = times(a, rows, inner, times(b, inner, columns, r))
    const found = times(c, rows, columns, r)
    for (let row = 0; row < rows; row++) {
      const [off, bound] = [Math.abs((found[row] ?? NaN) - (right[row] ?? NaN)), bounds[row] ?? 0]
      // NaN is not at most anything.
      if (!(off <= bound))
        return { pass: false, detail: `Row ${row} is off by ${off.toPrecision(3)}, and rounding explains ${bound.toPrecision(3)}.` }
    }
  }
  return { pass: true, detail: `${rounds} rounds of Freivalds' check passed.` }
}

function times(matrix: Elements, rows: number, columns: number, vector: Float64Array): Float64Array {
  const out = new Float64Array(rows)
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = 0
    for (let column = 0; column < columns; column++, at++) sum += (matrix[at] ?? 0) * (vector[column] ?? 0)
    out[row] = sum
  }
  return out
}

function wrapped(matrix: Elements, rows: number, columns: number, vector: Int32Array): Int32Array {
  const out = new Int32Array(rows)
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = 0
    for (let column = 0; column < columns; column++, at++) sum = (sum + Math.imul(matrix[at] ?? 0, vector[column] ?? 0)) | 0
    out[row] = sum
  }
  return out
}
