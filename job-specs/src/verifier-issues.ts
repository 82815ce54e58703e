/** What a job must declare for its verifier. Sizes are settled here, so that verifiers meet only what fits. */
import { ELEMENT_BYTES, elementCount, unitValueBytes, type ElementType, type InputSpec, type OutputSpec } from './kernel.ts'
import type { Verifier } from './verifier.ts'

/** A verifier's program; the cage reads it whole. */
export const CAGE_PROGRAM_MAX_BYTES = 262_144
/** What a verifier of the job's own may be given of inputs: they are copied into the cage for each unit. */
export const CAGE_INPUTS_MAX_BYTES = 16_777_216

interface Issue {
  readonly path: readonly string[]
  readonly message: string
}

interface Declared {
  readonly inputs: readonly InputSpec[]
  readonly outputs: readonly OutputSpec[]
  readonly unitCount: number
}

export function verifierIssues(verifier: Verifier, { inputs, outputs, unitCount }: Declared): readonly Issue[] {
  const issues: Issue[] = []
  const issue = (field: string, message: string): void => {
    issues.push({ path: [field], message })
  }
  const output = (field: string, name: string, types: readonly ElementType[]): OutputSpec | undefined => {
    const found = outputs.find((one) => one.name === name)
    if (found === undefined) issue(field, `names "${name}", which is not an output`)
    else if (!types.includes(found.type)) issue(field, `names "${name}" of type ${found.type}, which must be ${types.join(' or ')}`)
    return found
  }
  const input = (field: string, name: string, type: ElementType | undefined, count?: number): void => {
    const found = inputs.find((one) => one.name === name)
    if (found === undefined) return issue(field, `names "${name}", which is not an input`)
    if (type !== undefined && found.type !== type) issue(field, `names "${name}" of type ${found.type}, which must be ${type}`)
    if (count === undefined) return
    const has = found.blob.bytes / ELEMENT_BYTES[found.type]
    if (has !== count && has !== count * unitCount)
      issue(field, `names "${name}" with ${has} elements, which must have ${count}, or ${count} for each unit`)
  }
  switch (verifier.kind) {
    case 'custom': {
      if (verifier.js.bytes > CAGE_PROGRAM_MAX_BYTES)
        issue('js', `has ${verifier.js.bytes} bytes, and ${CAGE_PROGRAM_MAX_BYTES} are allowed`)
      const bytes = inputs.reduce((sum, { blob }) => sum + blob.bytes, unitValueBytes(outputs))
      if (bytes > CAGE_INPUTS_MAX_BYTES)
        issue('js', `would be given ${bytes} bytes for each unit, and ${CAGE_INPUTS_MAX_BYTES} are allowed`)
      break
    }
    case 'freivalds': {
      const product = output('c', verifier.c, ['f32', 'f64', 'i32', 'u32'])
      const [rows = 0, columns = 0, ...more] = product?.shape ?? []
      if (product !== undefined && (columns === 0 || more.length > 0)) issue('c', 'must have the shape [rows, columns]')
      input('a', verifier.a, product?.type, rows * verifier.inner)
      input('b', verifier.b, product?.type, verifier.inner * columns)
      break
    }
    case 'residual': {
      const solution = output('x', verifier.x, ['f32', 'f64'])
      const n = solution === undefined ? 0 : elementCount(solution)
      input('a', verifier.a, solution?.type, n * n)
      input('b', verifier.b, solution?.type, n)
      break
    }
    case 'factors': {
      const list = output('factors', verifier.factors, ['u32'])
      if (list !== undefined && list.shape.at(-1) !== 2) issue('factors', 'must have the shape [most factors, 2]')
      if (typeof verifier.number === 'string') input('number', verifier.number, 'u32', 2)
      else if (verifier.number.first + verifier.number.step * (unitCount - 1) > Number.MAX_SAFE_INTEGER)
        issue('number', `passes ${Number.MAX_SAFE_INTEGER} at the last unit; name an input for larger numbers`)
      break
    }
    case 'preimage':
      output('nonce', verifier.nonce, ['u8', 'u32'])
      if (verifier.prefix !== undefined) input('prefix', verifier.prefix, undefined)
      break
    case 'sorted': {
      const values = output('values', verifier.values, ['u8', 'i32', 'u32', 'f32', 'f64'])
      const count = values === undefined ? 0 : elementCount(values)
      const order = output('order', verifier.order, ['u32'])
      if (order !== undefined && elementCount(order) !== count) issue('order', `must have as many elements as "${verifier.values}"`)
      input('of', verifier.of, values?.type, count)
      break
    }
  }
  return issues
}
