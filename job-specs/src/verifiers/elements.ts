/** Typed views of values and inputs, for verifiers. */
import { PeerComputeError } from '../errors.ts'
import { ELEMENT_BYTES, elementCount, type ElementType, type OutputSpec } from '../kernel.ts'
import type { JobSpec } from '../job.ts'

export type Elements = Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array

/** A copy, because the bytes may lie anywhere. Every platform that runs JavaScript on volunteers' machines is little-endian. */
export function elementsOf(type: ElementType, bytes: Uint8Array): Elements {
  const { buffer } = bytes.slice()
  switch (type) {
    case 'u8':
      return new Uint8Array(buffer)
    case 'i32':
      return new Int32Array(buffer)
    case 'u32':
      return new Uint32Array(buffer)
    case 'f32':
      return new Float32Array(buffer)
    case 'f64':
      return new Float64Array(buffer)
  }
}

/** By name. `value` must have the length that `outputs` declare. */
export function outputElementsByName(outputs: readonly OutputSpec[], value: Uint8Array): ReadonlyMap<string, Elements> {
  let offset = 0
  return new Map(
    outputs.map((output) => {
      const bytes = elementCount(output) * ELEMENT_BYTES[output.type]
      offset += bytes
      return [output.name, elementsOf(output.type, value.subarray(offset - bytes, offset))]
    })
  )
}

/** What a verifier is given. Names and sizes have been checked with the specification; a violation throws INTERNAL. */
export interface VerifierCase {
  readonly spec: JobSpec
  readonly unit: number
  readonly outputs: ReadonlyMap<string, Elements>
  /** Bytes of each input by name. */
  readonly inputs: ReadonlyMap<string, Uint8Array>
  /** Uniform in [0, 1), from a seed that was drawn after the value had come. */
  readonly random: () => number
}

export function outputOf({ outputs }: VerifierCase, name: string): Elements {
  const elements = outputs.get(name)
  if (elements === undefined) throw new PeerComputeError('INTERNAL', `The outputs have no "${name}".`)
  return elements
}

/** The whole input when it has `count` elements, this unit's part of it when it has as many for each unit. */
export function inputOf({ spec, inputs, unit }: VerifierCase, name: string, count: number): Elements {
  const input = spec.inputs.find((one) => one.name === name)
  const bytes = inputs.get(name)
  if (input === undefined || bytes === undefined) throw new PeerComputeError('INTERNAL', `The inputs have no "${name}".`)
  const length = count * ELEMENT_BYTES[input.type]
  const start = bytes.length === length ? 0 : unit * length
  if (bytes.length !== length && bytes.length !== length * spec.unitCount)
    throw new PeerComputeError('INTERNAL', `The input "${name}" has ${bytes.length} bytes instead of ${length}.`)
  return elementsOf(input.type, bytes.subarray(start, start + length))
}
