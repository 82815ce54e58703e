/**
 * Valid messages, spoiled where a parser may stumble: fields, types, sizes, nesting, keys that JavaScript knows, lengths in front of
 * frames, and last the bytes themselves.
 */
import { encodeFrame } from '@peercompute/job-specs/protocol'
import { mutated } from '@peercompute/ledger/testing'

type Random = () => number

export interface Message {
  readonly message: object
  readonly attachment?: Uint8Array
}

const DEEP = 5_000
const LONG = 20_000
/** As text, because some have no form as a value: numbers past every limit, and the same key twice. */
const POISON: readonly string[] = [
  'null',
  'true',
  '-1',
  '-0',
  '0.5',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '4294967296',
  '9'.repeat(400),
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u202e\\ufeff"',
  '"__proto__"',
  '"constructor"',
  '"../../../../etc/passwd"',
  `"${'A'.repeat(43)}"`,
  `"${'f'.repeat(64)}"`,
  `"${'x'.repeat(LONG)}"`,
  '[]',
  '{}',
  '[[]]',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":1,"valueOf":1,"toJSON":1}',
  '{"length":1e9}',
  '{"a":1,"a":2}',
  `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
  `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`,
  `[${Array.from({ length: LONG }, () => '0').join()}]`,
  '1 2',
  'NaN',
  'undefined'
]
const KEYS: readonly string[] = ['__proto__', 'constructor', 'prototype', 'toString', '', 'then', 'x'.repeat(LONG), '\u0000', '0']
/** Never in a message: stands where the poison goes until the message is text. */
const MARK = '\u2063here\u2063'

/** One message's JSON with one thing wrong with it. */
export function mutatedJson(message: object, random: Random): string {
  const pick = <T>(list: readonly T[], otherwise: T): T => list[Math.floor(random() * list.length)] ?? otherwise
  const copy = structuredClone(message)
  const places = [...placesOf(copy)]
  const place = pick(places, { holder: { message: copy }, key: 'message' })
  const { holder, key } = place
  const kind = Math.floor(random() * 7)
  if (kind === 0) Reflect.deleteProperty(holder, key)
  else if (kind === 1) put(holder, pick(KEYS, ''), Reflect.get(holder, key))
  else if (kind === 2)
    put(
      holder,
      key,
      Array.from({ length: 1 + Math.floor(random() * 400) }, (): unknown => Reflect.get(holder, key))
    )
  else if (kind === 3) {
    const text = JSON.stringify(copy)
    return `{${JSON.stringify(key)}:${pick(POISON, 'null')},${text.slice(1)}`
  } else if (kind === 4) {
    put(holder, pick(KEYS, ''), MARK)
    return JSON.stringify(copy).replace(JSON.stringify(MARK), () => pick(POISON, 'null'))
  } else {
    put(holder, key, MARK)
    return JSON.stringify(copy).replace(JSON.stringify(MARK), () => pick(POISON, 'null'))
  }
  return JSON.stringify(copy)
}

function put(holder: object, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
}

function* placesOf(value: unknown): Generator<{ readonly holder: object; readonly key: string }> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, part] of Object.entries(value)) {
    yield { holder: value, key }
    yield* placesOf(part)
  }
}

/** One frame with one thing wrong with it; seldom none, because some mutations are harmless. */
export function mutatedFrame({ message, attachment = new Uint8Array(0) }: Message, random: Random): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit)
  const kind = below(8)
  if (kind === 0) return mutated(encodeFrame(message, attachment), random)
  if (kind === 1) return withLength(encodeFrame(message, attachment), 4 * below(2), random)
  if (kind === 2) return encodeFrame(message, new Uint8Array(1 + below(5_000)))
  const json = new TextEncoder().encode(mutatedJson(message, random))
  if (kind === 3) json[below(json.length)] = 0x80 + below(128) // not UTF-8, with lengths that fit
  return frameOf(json, attachment)
}

/** A frame around bytes that need not be JSON. */
export function frameOf(json: Uint8Array, attachment: Uint8Array = new Uint8Array(0)): Uint8Array {
  const out = Buffer.alloc(8 + json.length + attachment.length)
  out.writeUInt32BE(4 + json.length + attachment.length, 0)
  out.writeUInt32BE(json.length, 4)
  out.set(json, 8)
  out.set(attachment, 8 + json.length)
  return out
}

const LENGTHS: readonly number[] = [0, 1, 3, 4, 7, 0x7fffffff, 0x80000000, 0xffffffff]

function withLength(frame: Uint8Array, at: number, random: Random): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset)
  const near = Math.max(0, view.getUint32(at) + Math.floor(random() * 5) - 2)
  view.setUint32(at, random() < 0.5 ? near : (LENGTHS[Math.floor(random() * LENGTHS.length)] ?? 0))
  return frame
}
