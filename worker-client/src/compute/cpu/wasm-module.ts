/**
 * Reads of a WASM module what the JavaScript API does not show, before it is compiled: its memory, and whether it computes the same
 * everywhere. Runs inside the sandbox.
 */
import { BadWasm, walkBody, WasmReader } from './wasm-instructions.ts'

export const WASM_PAGE_BYTES = 65_536

export interface WasmMemory {
  readonly minPages: number
  /** Null when the module sets no maximum of its own. */
  readonly maxPages: number | null
}

export interface WasmFacts {
  readonly imports: readonly { readonly name: string; readonly kind: 'function' | 'table' | 'memory' | 'global' | 'tag' }[]
  /** The one memory, and the bytes of the section that defines it; null when it is imported. */
  readonly memory: (WasmMemory & { readonly section: { readonly from: number; readonly to: number } | null }) | null
}

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const IMPORTS = 2
const MEMORIES = 5
const CODE = 10
const KINDS = ['function', 'table', 'memory', 'global', 'tag'] as const

function memoryOf(reader: WasmReader): WasmMemory {
  const flags = reader.byte()
  if (flags > 1) throw new BadWasm('The module wants shared or 64-bit memory, which is not given')
  return { minPages: reader.number(), maxPages: flags === 1 ? reader.number() : null }
}

function importOf(reader: WasmReader): { name: string; kind: (typeof KINDS)[number]; memory: WasmMemory | null } {
  const name = `${reader.text()}.${reader.text()}`
  const kind = KINDS[reader.byte()]
  if (kind === undefined) throw new BadWasm(`The module imports "${name}" in a way that is not known`)
  if (kind === 'memory') return { name, kind, memory: memoryOf(reader) }
  if (kind === 'function') reader.number()
  else if (kind === 'global') reader.skip(2)
  else if (kind === 'tag') {
    reader.skip(1)
    reader.number()
  } else {
    reader.skip(1)
    const flags = reader.byte()
    reader.number()
    if ((flags & 1) === 1) reader.number()
  }
  return { name, kind, memory: null }
}

function facts(bytes: Uint8Array): WasmFacts {
  if (HEADER.some((byte, index) => bytes[index] !== byte)) throw new BadWasm('The program is no WebAssembly module')
  const module = new WasmReader(bytes, HEADER.length, bytes.length)
  const imports: WasmFacts['imports'][number][] = []
  const memories: NonNullable<WasmFacts['memory']>[] = []
  while (module.at < module.end) {
    const from = module.at
    const id = module.byte()
    const section = module.part(module.number())
    if (id === IMPORTS) {
      for (let left = section.number(); left > 0; left--) {
        const { memory, ...imported } = importOf(section)
        imports.push(imported)
        if (memory !== null) memories.push({ ...memory, section: null })
      }
    } else if (id === MEMORIES) {
      for (let left = section.number(); left > 0; left--) memories.push({ ...memoryOf(section), section: { from, to: section.end } })
    } else if (id === CODE) {
      for (let left = section.number(); left > 0; left--) walkBody(section.part(section.number()))
    }
  }
  if (memories.length > 1) throw new BadWasm('The module has more than one memory')
  return { imports, memory: memories[0] ?? null }
}

/** Of any bytes: the facts, or the sentence that says why the module cannot be run here. The engine checks the rest when it compiles. */
export function wasmFacts(bytes: Uint8Array): WasmFacts | string {
  try {
    return facts(bytes)
  } catch (error) {
    if (error instanceof BadWasm) return error.message
    throw error
  }
}

/** The pages that a memory may have within `memoryBytes`, or a sentence when it needs more. */
export function memoryPages({ minPages, maxPages }: WasmMemory, memoryBytes: number): number | string {
  const most = Math.min(Math.floor(memoryBytes / WASM_PAGE_BYTES), maxPages ?? WASM_PAGE_BYTES, WASM_PAGE_BYTES)
  return minPages > most ? `The module needs ${minPages} pages of 64 KiB, limits.memoryBytes allows ${most}` : most
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))]
}

/** The module with this maximum on the memory that it defines, so that growing past it fails inside the program. */
export function withMemoryMaximum(bytes: Uint8Array<ArrayBuffer>, { memory }: WasmFacts, maxPages: number): Uint8Array<ArrayBuffer> {
  if (memory === null || memory.section === null) return bytes
  const content = [1, 1, ...leb(memory.minPages), ...leb(maxPages)]
  const section = [MEMORIES, ...leb(content.length), ...content]
  const { from, to } = memory.section
  const changed = new Uint8Array(bytes.length - (to - from) + section.length)
  changed.set(bytes.subarray(0, from))
  changed.set(section, from)
  changed.set(bytes.subarray(to), from + section.length)
  return changed
}
