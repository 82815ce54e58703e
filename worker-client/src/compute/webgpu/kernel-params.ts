/** Fills the kernel's `params` uniform from the job's parameters, by the layout that the WGSL declares. */
import type { ParamValue } from '@peercompute/job-specs'
import type { VariableDefinition } from 'webgpu-utils'
import { float16Bits } from './float16.ts'
import { isStruct, leavesOf, type Leaf } from './param-leaves.ts'

/**
 * The uniform's bytes, or a sentence that says which field does not fit. A field takes as many numbers as it holds, in the order of its
 * declaration, however its type is nested. Parameters that the struct lacks are for the CPU twin.
 */
export function packParams(
  { typeDefinition, size }: VariableDefinition,
  params: Readonly<Record<string, ParamValue>>
): Uint8Array<ArrayBuffer> | string {
  if (!isStruct(typeDefinition)) return 'The uniform "params" must be a struct'
  const view = new DataView(new ArrayBuffer(Math.ceil(size / 16) * 16))
  for (const [name, field] of Object.entries(typeDefinition.fields)) {
    const value = params[name]
    if (value === undefined) return `The kernel's params.${name} is not among the job's params`
    const leaves = leavesOf(field.type, field.offset)
    if (leaves === null) return `The kernel's params.${name} must be made of f32, f16, i32 and u32`
    const numbers = typeof value === 'number' ? [value] : value
    if (numbers.length !== leaves.length) return `The job's params.${name} has ${numbers.length} numbers, the kernel wants ${leaves.length}`
    const misfit = leaves.findIndex((leaf, index) => !written(view, leaf, numbers[index] ?? 0))
    if (misfit >= 0) return `The job's params.${name} does not fit the kernel's integer type`
  }
  return new Uint8Array(view.buffer)
}

/** False when the number is none of an integer type. */
function written(view: DataView, { offset, type }: Leaf, value: number): boolean {
  if (type === 'f32') view.setFloat32(offset, value, true)
  else if (type === 'f16') view.setUint16(offset, float16Bits(value), true)
  else if (type === 'i32') view.setInt32(offset, value, true)
  else view.setUint32(offset, value, true)
  return type === 'f32' || type === 'f16' || (type === 'i32' ? value | 0 : value >>> 0) === value
}
