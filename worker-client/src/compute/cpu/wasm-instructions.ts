/**
 * Walks the instructions of a WASM function body, to refuse what would not give the same bytes everywhere, or needs what is not
 * given: relaxed SIMD, threads, and whatever we do not know. Source: WebAssembly core 2.0 §5.4 and the proposals for tail calls and
 * exceptions. Runs inside the sandbox: no imports.
 */

/** Bytes, and where one reads. Reading past the end throws BadWasm; that bounds every loop, as each step reads at least a byte. */
export class WasmReader {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  byte(): number {
    if (this.at >= this.end) throw new BadWasm('The module ends in the middle of something')
    return this.bytes[this.at++] ?? 0
  }

  skip(count: number): void {
    if (count > this.end - this.at) throw new BadWasm('The module ends in the middle of something')
    this.at += count
  }

  /** LEB128 of at most 64 bits, unsigned. Exact below 2^53. */
  number(): number {
    let value = 0
    for (let index = 0, scale = 1; index < 10; index++, scale *= 128) {
      const part = this.byte()
      value += (part & 0x7f) * scale
      if (part < 128) return value
    }
    throw new BadWasm('A number in the module is too long')
  }

  text(): string {
    const length = this.number()
    const from = this.at
    this.skip(length)
    return new TextDecoder().decode(this.bytes.subarray(from, this.at))
  }

  /** A part of its own, and steps over it. */
  part(length: number): WasmReader {
    const from = this.at
    this.skip(length)
    return new WasmReader(this.bytes, from, this.at)
  }
}

/** The module cannot be run here; the message is for its author. */
export class BadWasm extends Error {}

type Immediates = (code: WasmReader) => void

const none: Immediates = () => undefined
const one: Immediates = (code) => {
  code.number()
}
const two: Immediates = (code) => {
  code.number()
  code.number()
}
const byte: Immediates = (code) => {
  code.skip(1)
}
const sixteenBytes: Immediates = (code) => {
  code.skip(16)
}
/** Alignment, with bit 6 set before a memory's index, and offset. */
const memory: Immediates = (code) => {
  if ((code.number() & 64) !== 0) code.number()
  code.number()
}
const memoryAndLane: Immediates = (code) => {
  memory(code)
  byte(code)
}
/** Nothing, a number, v128, funcref, externref, exnref, or the index of a type. */
const PLAIN_TYPES = new Set([0x40, 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f, 0x69])
const type: Immediates = (code) => {
  const first = code.bytes[code.at] ?? 0
  if (first >= 0x40 && first < 0x80 && !PLAIN_TYPES.has(first))
    throw new BadWasm('The module uses types of garbage collection, which are not allowed')
  code.number()
}
const list =
  (entry: Immediates): Immediates =>
  (code) => {
    for (let left = code.number(); left > 0; left--) entry(code)
  }
const labels: Immediates = (code) => {
  list(one)(code)
  one(code)
}
const tryTable: Immediates = (code) => {
  type(code)
  list((clauses) => (clauses.byte() < 2 ? two : one)(clauses))(code)
}

/** `from`, `to` (inclusive), what follows the opcode. */
type Rows = readonly (readonly [from: number, to: number, immediates: Immediates])[]

const PLAIN: Rows = [
  [0x00, 0x01, none], // unreachable, nop
  [0x02, 0x04, type], // block, loop, if
  [0x05, 0x05, none],
  [0x06, 0x06, type], // try
  [0x07, 0x09, one], // catch, throw, rethrow
  [0x0a, 0x0b, none], // throw_ref, end
  [0x0c, 0x0d, one], // br, br_if
  [0x0e, 0x0e, labels],
  [0x0f, 0x0f, none],
  [0x10, 0x10, one], // call
  [0x11, 0x11, two],
  [0x12, 0x12, one], // return_call
  [0x13, 0x13, two],
  [0x18, 0x18, one], // delegate
  [0x19, 0x1b, none], // catch_all, drop, select
  [0x1c, 0x1c, list(type)],
  [0x1f, 0x1f, tryTable],
  [0x20, 0x26, one], // locals, globals, tables
  [0x28, 0x3e, memory],
  [0x3f, 0x42, one], // memory.size, memory.grow, i32.const, i64.const
  [
    0x43,
    0x43,
    (code) => {
      code.skip(4)
    }
  ],
  [
    0x44,
    0x44,
    (code) => {
      code.skip(8)
    }
  ],
  [0x45, 0xc4, none],
  [0xd0, 0xd0, type],
  [0xd1, 0xd1, none],
  [0xd2, 0xd2, one]
]
/** After 0xfc: saturating conversions, bulk memory, tables. */
const BULK: Rows = [
  [0, 7, none],
  [8, 8, two],
  [9, 9, one],
  [10, 10, two],
  [11, 11, one],
  [12, 12, two],
  [13, 13, one],
  [14, 14, two],
  [15, 17, one]
]
/** After 0xfd. */
const SIMD: Rows = [
  [0, 11, memory],
  [12, 13, sixteenBytes],
  [14, 20, none],
  [21, 34, byte],
  [35, 83, none],
  [84, 91, memoryAndLane],
  [92, 93, memory],
  [94, 255, none]
]

/** By opcode, so that a module of megabytes is walked in a moment. */
function tableOf(rows: Rows): readonly (Immediates | undefined)[] {
  const entries = new Array<Immediates | undefined>(256).fill(undefined)
  for (const [from, to, immediates] of rows) entries.fill(immediates, from, to + 1)
  return entries
}
const plainTable = tableOf(PLAIN)
const bulkTable = tableOf(BULK)
const simdTable = tableOf(SIMD)

function prefixed(code: WasmReader, prefix: number): Immediates | undefined {
  if (prefix === 0xfe) throw new BadWasm('The module uses atomic instructions; threads are not given (compile without -pthread, -matomics)')
  const opcode = code.number()
  if (prefix === 0xfc) return bulkTable[opcode]
  if (opcode >= 0x100)
    throw new BadWasm('The module uses relaxed SIMD, whose results differ between machines (compile without -mrelaxed-simd)')
  return simdTable[opcode]
}

/** Reads the instructions of one body, from its locals to its end. Throws BadWasm. */
export function walkBody(body: WasmReader): void {
  list((locals) => {
    locals.number()
    type(locals)
  })(body)
  while (body.at < body.end) {
    const opcode = body.byte()
    const immediates = opcode >= 0xfc && opcode <= 0xfe ? prefixed(body, opcode) : plainTable[opcode]
    if (immediates === undefined) throw new BadWasm(`The module uses an instruction that is not allowed (0x${opcode.toString(16)})`)
    immediates(body)
  }
}
