/** What a WASI program left behind → the unit's value. Runs inside the sandbox. */
import type { Wasi } from '@peercompute/job-specs'
import type { Refusal } from '../pool/unit-protocol.ts'
import { joinOutputs, layoutBytes, layoutElements, type OutputLayout } from '../pool/unit-value.ts'

/** Text is longer than the numbers that it says: at most 26 characters for each, with what parts them. */
export const TEXT_PER_BYTE = 32

const WHOLE = { u8: [0, 255], i32: [-2_147_483_648, 2_147_483_647], u32: [0, 4_294_967_295] } as const
const NUMBER = /^[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|inf(?:inity)?|nan)$/i

/** As C prints them. Undefined for anything else. */
function numberOf(word: string): number | undefined {
  if (!NUMBER.test(word)) return undefined
  const bare = word.replace(/^[+-]/, '').toLowerCase()
  const value = bare.startsWith('inf') ? Infinity : bare === 'nan' ? NaN : Number(bare)
  return word.startsWith('-') ? -value : value
}

function place(layout: OutputLayout, view: DataView, index: number, value: number): boolean {
  if (layout.type === 'f64') view.setFloat64(index * 8, value, true)
  else if (layout.type === 'f32') view.setFloat32(index * 4, value, true)
  else {
    const [least, most] = WHOLE[layout.type]
    if (!Number.isInteger(value) || value < least || value > most) return false
    if (layout.type === 'u8') view.setUint8(index, value)
    else view.setUint32(index * 4, value >>> 0, true)
  }
  return true
}

function fromText(layout: OutputLayout, bytes: Uint8Array, where: string): Uint8Array<ArrayBuffer> | string {
  const count = layoutElements(layout)
  const words = new TextDecoder().decode(bytes).match(/[^\s,;]+/g) ?? []
  if (words.length !== count) return `${where} has ${words.length} numbers, wanted ${count}`
  const part = new Uint8Array(layoutBytes(layout))
  const view = new DataView(part.buffer)
  for (const [index, word] of words.entries()) {
    const value = numberOf(word)
    if (value === undefined) return `${where} has "${word.slice(0, 40)}" at number ${index + 1}, wanted a decimal number`
    if (!place(layout, view, index, value)) return `${where} has ${word.slice(0, 40)} at number ${index + 1}, which is no ${layout.type}`
  }
  return part
}

/** `stdout`: all that was written there. `file`: bytes of `/out/NAME`, or null. */
export function wasiValue(
  layouts: readonly OutputLayout[],
  outputs: Wasi['outputs'],
  stdout: Uint8Array,
  file: (name: string) => Uint8Array | null
): Uint8Array<ArrayBuffer> | Refusal {
  const parts: Uint8Array<ArrayBuffer>[] = []
  for (const layout of layouts) {
    const { from, as } = outputs?.[layout.name] ?? { from: 'file', as: 'binary' }
    const where = from === 'stdout' ? 'Standard output' : `The file /out/${layout.name}`
    const bytes = from === 'stdout' ? stdout : file(layout.name)
    if (bytes === null) return { reason: 'output_shape', message: `${where} is not there` }
    const size = layoutBytes(layout)
    if (bytes.byteLength > (as === 'text' ? size * TEXT_PER_BYTE + 64 : size)) {
      return {
        reason: 'output_too_large',
        message: `${where} has ${bytes.byteLength} bytes, too many for ${size / layoutElements(layout)} × ${layoutElements(layout)} bytes of ${layout.type}`
      }
    }
    const part = as === 'text' ? fromText(layout, bytes, where) : new Uint8Array(bytes)
    if (typeof part === 'string') return { reason: 'output_shape', message: part }
    if (part.byteLength !== size) return { reason: 'output_shape', message: `${where} has ${part.byteLength} bytes, wanted ${size}` }
    parts.push(part)
  }
  return joinOutputs(layouts, parts)
}
