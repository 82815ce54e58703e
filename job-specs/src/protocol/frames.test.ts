import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, equalBytes, toHex, utf8 } from '../bytes.ts'
import { PeerComputeError } from '../errors.ts'
import { decodeFrames, encodeFrame, FrameReader } from './frames.ts'

const LIMIT = 4096
const messages = fc.dictionary(fc.string(), fc.jsonValue())
const frames = fc.array(fc.record({ message: messages, attachment: fc.uint8Array({ maxLength: 200 }) }), { minLength: 1, maxLength: 6 })

/** A body with a length in front, to be malformed inside. */
function framed(body: Uint8Array): Uint8Array {
  return concat([u32(body.length), body])
}

function u32(value: number): Uint8Array {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, value)
  return out
}

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return error instanceof PeerComputeError ? error.code : `not ours: ${String(error)}`
  }
  return 'no error'
}

describe('a frame', () => {
  test('has these bytes', () => {
    expect(toHex(encodeFrame({ type: 'nudge' }))).toBe('00000014' + '00000010' + '7b2274797065223a226e75646765227d')
    expect(toHex(encodeFrame({}, Uint8Array.of(1, 2, 255)))).toBe('00000009' + '00000002' + '7b7d' + '0102ff')
  })

  test('comes back as it went, many in one chunk', () => {
    fc.assert(
      fc.property(frames, (list) => {
        const bytes = concat(list.map(({ message, attachment }) => encodeFrame(message, attachment)))
        const read = decodeFrames(bytes, 1 << 20)
        expect(read.map(({ message }) => message)).toEqual(list.map(({ message }) => JSON.parse(JSON.stringify(message)) as unknown))
        expect(read.map(({ attachment }) => [...attachment])).toEqual(list.map(({ attachment }) => [...attachment]))
      })
    )
  })

  test('may be cut at every byte, and into single bytes', () => {
    const bytes = concat([encodeFrame({ n: 1, text: 'ü' }, Uint8Array.of(9, 8, 7)), encodeFrame({ n: 2 })])
    const whole = decodeFrames(bytes, LIMIT)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const reader = new FrameReader(LIMIT)
      expect([...reader.push(bytes.subarray(0, cut)), ...reader.push(bytes.subarray(cut))]).toEqual(whole)
      expect(reader.incomplete).toBe(false)
    }
    const reader = new FrameReader(LIMIT)
    expect([...bytes].flatMap((byte) => reader.push(Uint8Array.of(byte)))).toEqual(whole)
  })

  test('is not changed by what arrives after it, nor changes what the sender gave', () => {
    const bytes = encodeFrame({ n: 1 }, Uint8Array.of(1, 2, 3))
    const [head, tail] = [bytes.slice(0, 10), bytes.slice(10)]
    const reader = new FrameReader(LIMIT)
    reader.push(head)
    const [frame] = reader.push(tail)
    reader.push(encodeFrame({ n: 2 }, Uint8Array.of(7, 7, 7)))
    expect([...(frame?.attachment ?? [])]).toEqual([1, 2, 3])
    expect(equalBytes(concat([head, tail]), bytes)).toBe(true)
  })

  test('may be a view into a larger buffer', () => {
    const bytes = encodeFrame({ n: 1 }, Uint8Array.of(5))
    const pool = concat([new Uint8Array(13).fill(0xff), bytes, new Uint8Array(13).fill(0xff)])
    expect(decodeFrames(pool.subarray(13, 13 + bytes.length), LIMIT)).toEqual(decodeFrames(bytes, LIMIT))
  })
})

describe('a reader refuses', () => {
  test('a length over the limit as soon as it has four bytes, before anything is allocated for it', () => {
    const reader = new FrameReader(LIMIT)
    reader.push(Uint8Array.of(0xff, 0xff, 0xff))
    expect(codeOf(() => reader.push(Uint8Array.of(0xff)))).toBe('FRAME_TOO_LARGE')
    expect(reader.buffered).toBe(4)
    expect(codeOf(() => new FrameReader(LIMIT).push(u32(LIMIT + 1)))).toBe('FRAME_TOO_LARGE')
    expect(codeOf(() => new FrameReader(LIMIT).push(u32(LIMIT)))).toBe('no error')
  })

  test('a length that leaves no room for the JSON length', () => {
    for (const total of [0, 1, 3]) expect(codeOf(() => new FrameReader(LIMIT).push(u32(total)))).toBe('FRAME_INVALID')
  })

  test('JSON that is said to be longer than the frame', () => {
    expect(codeOf(() => decodeFrames(framed(concat([u32(3), utf8('{}')])), LIMIT))).toBe('FRAME_INVALID')
    expect(codeOf(() => decodeFrames(framed(concat([u32(0xffffffff), utf8('{}')])), LIMIT))).toBe('FRAME_INVALID')
  })

  test('garbage, nothing, cut or deeply nested JSON, and bytes that are not UTF-8', () => {
    for (const body of [utf8('{"a":'), utf8(''), utf8('hello'), utf8('['.repeat(2000)), Uint8Array.of(0x22, 0xc3, 0x28, 0x22)]) {
      expect(codeOf(() => decodeFrames(framed(concat([u32(body.length), body])), LIMIT))).toBe('FRAME_INVALID')
    }
  })

  test('a body that ends inside a frame', () => {
    const bytes = encodeFrame({ n: 1 }, Uint8Array.of(1, 2, 3))
    for (let end = 1; end < bytes.length; end++) expect(codeOf(() => decodeFrames(bytes.subarray(0, end), LIMIT))).toBe('FRAME_INVALID')
    expect(decodeFrames(bytes.subarray(0, 0), LIMIT)).toEqual([])
  })

  test('any bytes with one of our errors, or reads them as frames within the limit', () => {
    const chunk = fc.uint8Array({ maxLength: 64 })
    const mutated = fc.tuple(messages, fc.uint8Array({ maxLength: 40 }), fc.nat(), fc.nat(255)).map(([message, attachment, at, byte]) => {
      const bytes = encodeFrame(message, attachment)
      bytes[at % bytes.length] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.array(fc.oneof(chunk, mutated), { maxLength: 10 }), (chunks) => {
        const reader = new FrameReader(LIMIT)
        const outcome = codeOf(() => {
          for (const part of chunks) {
            for (const frame of reader.push(part)) expect(frame.attachment.length).toBeLessThanOrEqual(LIMIT)
          }
        })
        expect(['no error', 'FRAME_INVALID', 'FRAME_TOO_LARGE']).toContain(outcome)
      }),
      { numRuns: 5_000 }
    )
  })
})
