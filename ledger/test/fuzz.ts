/** Seeded mutation of bytes, fast enough for a hundred thousand runs. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export type Random = () => number

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One to four bytes set, bits flipped, parts removed, repeated, or cut off at the end. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit)
  let out = bytes.slice()
  for (let edits = 1 + below(4); edits > 0; edits--) {
    const at = below(out.length + 1)
    const kind = below(6)
    if (kind === 0) out[at] = below(256)
    else if (kind === 1) out[at] = (out[at] ?? 0) ^ (1 << below(8))
    else if (kind === 2) out = joined(out.subarray(0, at), out.subarray(at + 1 + below(8)))
    else if (kind === 3)
      out = joined(
        out.subarray(0, at),
        Uint8Array.from({ length: 1 + below(4) }, () => below(256)),
        out.subarray(at)
      )
    else if (kind === 4) out = out.slice(0, at)
    else out = joined(out.subarray(0, at), out.subarray(Math.max(0, at - below(64))))
  }
  return out
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  parts.reduce((offset, part) => (out.set(part, offset), offset + part.length), 0)
  return out
}

/** Bytes that are in use, the garbage gone. */
export function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
