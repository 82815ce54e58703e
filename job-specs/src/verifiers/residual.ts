/**
 * The solution x of A·x = b by its normwise backward error, ‖b − A x‖ / (‖A‖ ‖x‖ + ‖b‖) in the infinity norm: the size of the smallest
 * change of A and b for which x is exact (J. Rigal and J. Gaches 1967; N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
 * theorem 7.1). O(n²) instead of O(n³). A small one does not make x accurate when A is ill-conditioned: nothing that starts from A and b
 * in this precision could.
 */
import type { Verdict, Verifier } from '../verifier.ts'
import { inputOf, outputOf, type VerifierCase } from './elements.ts'

type Residual = Extract<Verifier, { kind: 'residual' }>

/** Backward error of Gaussian elimination with pivoting as met in practice, in unit roundoffs for each unknown. */
const ROUNDOFFS = 16

export function residual({ a, b, x, bound }: Residual, given: VerifierCase): Verdict {
  const solution = outputOf(given, x)
  const n = solution.length
  const [matrix, right] = [inputOf(given, a, n * n), inputOf(given, b, n)]
  const [matrixNorm, rightNorm] = [normOf(matrix, n), largest(right)]
  if (!Number.isFinite(matrixNorm + rightNorm)) return { pass: null, detail: 'The inputs hold numbers that are not finite.' }
  let off = 0
  for (let row = 0, at = 0; row < n; row++) {
    let rest = right[row] ?? 0
    for (let column = 0; column < n; column++, at++) rest -= (matrix[at] ?? 0) * (solution[column] ?? 0)
    off = Math.max(off, Math.abs(rest))
  }
  const scale = matrixNorm * largest(solution) + rightNorm
  if (!Number.isFinite(scale)) return { pass: false, detail: 'The solution is too large for a residual.' }
  const error = off === 0 ? 0 : off / scale
  const permitted = bound ?? ROUNDOFFS * n * (solution instanceof Float32Array ? 2 ** -24 : 2 ** -53)
  const pass = error <= permitted
  return { pass, detail: `The backward error is ${error.toPrecision(3)}, and ${permitted.toPrecision(3)} is permitted.` }
}

function normOf(matrix: ArrayLike<number>, n: number): number {
  let norm = 0
  for (let row = 0, at = 0; row < n; row++) {
    let sum = 0
    for (let column = 0; column < n; column++, at++) sum += Math.abs(matrix[at] ?? 0)
    norm = Math.max(norm, sum)
  }
  return norm
}

/** NaN when there is one. */
function largest(vector: ArrayLike<number>): number {
  let most = 0
  for (let index = 0; index < vector.length; index++) most = Math.max(most, Math.abs(vector[index] ?? 0))
  return most
}
