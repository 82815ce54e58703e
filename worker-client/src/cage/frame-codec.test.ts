import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFrame, FrameReader } from './frame-codec.ts'

const bytes = fc.uint8Array({ maxLength: 64 }).map((data) => new Uint8Array(data))
const message = fc.record({
  type: fc.string(),
  unit: fc.nat(),
  value: bytes,
  inputs: fc.array(fc.record({ name: fc.string(), bytes })),
  params: fc.dictionary(
    fc.stringMatching(/^[a-z]+$/),
    fc.oneof(
      fc.double({ noDefaultInfinity: true, noNaN: true }).map((n) => n + 0),
      fc.array(fc.integer())
    )
  )
})

describe('frames of a cage', () => {
  it('arrive as they were sent, however the pipe cuts them', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (messages, cuts) => {
        const sent = Buffer.concat(messages.map(encodeFrame))
        const reader = new FrameReader(10_000)
        const got: unknown[] = []
        for (let at = 0, cut = 0; at < sent.length; cut++) {
          const to = at + (cuts[cut % cuts.length] ?? 1)
          got.push(...reader.push(new Uint8Array(sent.subarray(at, to))))
          at = to
        }
        expect(got).toEqual(messages.map((one) => ({ ...one, params: { ...one.params } })))
      })
    )
  })

  it('give each value a buffer of its own', () => {
    const [got] = new FrameReader(100).push(encodeFrame({ a: new Uint8Array([1, 2]), b: new Uint8Array([3]) })) as {
      a: Uint8Array
      b: Uint8Array
    }[]
    expect([got?.a.buffer.byteLength, got?.b.buffer.byteLength]).toEqual([2, 1])
  })

  it('are refused by their lengths, before they are there', () => {
    const prefix = new Uint8Array(8)
    new DataView(prefix.buffer).setUint32(4, 4_000_000_000, true)
    expect(() => new FrameReader(1_000).push(prefix)).toThrow(RangeError)
    new DataView(prefix.buffer).setUint32(0, 4_000_000_000, true)
    expect(() => new FrameReader(2 ** 32).push(prefix)).toThrow(RangeError)
  })

  it('fail on what is no JSON, and take whatever else comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          new FrameReader(1_000).push(new Uint8Array(noise))
        } catch (error) {
          expect(error instanceof RangeError || error instanceof SyntaxError || error instanceof TypeError).toBe(true)
        }
      })
    )
  })
})
