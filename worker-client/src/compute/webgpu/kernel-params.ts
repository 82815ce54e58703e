/** Fills the kernel's `params` uniform from the job's parameters, by the layout that the WGSL declares. */
import type { ParamValue } from '@peercompute/job-specs'
import { makeStructuredView, type VariableDefinition } from 'webgpu-utils'

/** The uniform's bytes, or a sentence that says which field does not fit. Parameters that the struct lacks are for the CPU twin. */
export function packParams(definition: VariableDefinition, params: Readonly<Record<string, ParamValue>>): Uint8Array<ArrayBuffer> | string {
  const buffer = new ArrayBuffer(Math.ceil(definition.size / 16) * 16)
  const views = makeStructuredView(definition, buffer).views as Record<string, unknown>
  if (!('fields' in definition.typeDefinition)) return 'The uniform "params" must be a struct'
  for (const [name, view] of Object.entries(views)) {
    const value = params[name]
    if (value === undefined) return `The kernel's params.${name} is not among the job's params`
    const numbers = typeof value === 'number' ? [value] : value
    if (!(view instanceof Float32Array || view instanceof Int32Array || view instanceof Uint32Array))
      return `The kernel's params.${name} must be a number or a vector of f32, i32 or u32`
    if (view.length !== numbers.length) return `The job's params.${name} has ${numbers.length} numbers, the kernel wants ${view.length}`
    view.set(numbers)
    if (!(view instanceof Float32Array) && numbers.some((number, index) => view[index] !== number))
      return `The job's params.${name} does not fit the kernel's integer type`
  }
  return new Uint8Array(buffer)
}
