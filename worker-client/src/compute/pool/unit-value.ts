/** A unit's value: its outputs in declared order, little-endian, without padding. Runs inside the sandbox: no imports but types. */
import type { ElementType, OutputSpec } from '@peercompute/job-specs'
import type { Refusal } from './unit-protocol.ts'

export interface OutputLayout {
  readonly name: string
  readonly type: ElementType
  readonly shape: readonly number[]
}

export type ElementArray = Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array

const arrayTypes = { u8: Uint8Array, i32: Int32Array, u32: Uint32Array, f32: Float32Array, f64: Float64Array } as const

export function layoutOf(outputs: readonly OutputSpec[]): OutputLayout[] {
  return outputs.map(({ name, type, shape }) => ({ name, type, shape }))
}

export function layoutElements(layout: OutputLayout): number {
  return layout.shape.reduce((product, extent) => product * extent, 1)
}

export function layoutBytes(layout: OutputLayout): number {
  return layoutElements(layout) * arrayTypes[layout.type].BYTES_PER_ELEMENT
}

/** Elements of an input; null when the bytes are no whole number of them. The bytes must own their buffer. */
export function elementsOf(type: ElementType, bytes: Uint8Array<ArrayBuffer>): ElementArray | null {
  const { BYTES_PER_ELEMENT: size } = arrayTypes[type]
  return bytes.byteLength % size === 0 ? new arrayTypes[type](bytes.buffer, bytes.byteOffset, bytes.byteLength / size) : null
}

/** Gives every NaN one bit pattern, so that equal results have equal digests on every machine. `bytes` starts at an aligned offset. */
export function canonicaliseNaN(type: ElementType, bytes: Uint8Array<ArrayBuffer>): void {
  if (type === 'f32') {
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) words[i] = 0x7fc00000
  } else if (type === 'f64') {
    const values = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8)
    const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8)
    for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) words[i] = 0x7ff8000000000000n
  }
}

/** Joins outputs that have their declared sizes already. Each part starts at an aligned offset of its own buffer. */
export function joinOutputs(layouts: readonly OutputLayout[], parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let offset = 0
  layouts.forEach((layout, index) => {
    const part = parts[index]
    if (part === undefined) return
    canonicaliseNaN(layout.type, part)
    value.set(part, offset)
    offset += part.byteLength
  })
  return value
}

function describe(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === undefined ? 'nothing' : typeof value
  const length = 'length' in value ? `(${String(value.length)})` : ''
  const { constructor } = value as { readonly constructor?: unknown }
  return `${typeof constructor === 'function' ? constructor.name : 'object'}${length}`
}

/** Checks what a JavaScript kernel returned against the declared outputs and packs it. `outputBytes` is `limits.outputBytes`. */
export function packOutputs(returned: unknown, layouts: readonly OutputLayout[], outputBytes: number): Uint8Array<ArrayBuffer> | Refusal {
  if (returned === null || typeof returned !== 'object') {
    return { reason: 'output_shape', message: `The kernel returned ${describe(returned)}, wanted an object with the outputs by name` }
  }
  const parts: Uint8Array<ArrayBuffer>[] = []
  let total = 0
  for (const layout of layouts) {
    const output: unknown = Object.hasOwn(returned, layout.name) ? (returned as Record<string, unknown>)[layout.name] : undefined
    const wanted = `${arrayTypes[layout.type].name}(${layoutElements(layout)})`
    if (!(output instanceof arrayTypes[layout.type])) {
      return { reason: 'output_shape', message: `Output "${layout.name}" is ${describe(output)}, wanted ${wanted}` }
    }
    total += output.byteLength
    if (total > outputBytes) {
      return {
        reason: 'output_too_large',
        message: `Output "${layout.name}" is ${describe(output)}, wanted ${wanted}: over the limit of ${outputBytes} bytes`
      }
    }
    if (output.length !== layoutElements(layout)) {
      return { reason: 'output_shape', message: `Output "${layout.name}" is ${describe(output)}, wanted ${wanted}` }
    }
    const part = new Uint8Array(output.byteLength)
    part.set(new Uint8Array(output.buffer, output.byteOffset, output.byteLength))
    parts.push(part)
  }
  return joinOutputs(layouts, parts)
}
