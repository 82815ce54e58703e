import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromUtf8, toHex } from './bytes.ts'
import { canonicalBytes, sha256Hex, signingInput } from './canonical.ts'

const canonical = (value: object) => fromUtf8(canonicalBytes(value))

test('keys are sorted by UTF-16 code units at every depth, without any white space (RFC 8785 §3.2.3)', () => {
  const rfc = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji',
    '\u0080': 'Control',
    '\u00f6': 'Latin'
  }
  expect(Object.values(JSON.parse(canonical(rfc)) as object)).toHaveLength(7)
  const order = [...canonical(rfc).matchAll(/:"([A-Za-z ]+)"/g)].map(([, name]) => name)
  expect(order).toEqual(['Carriage Return', 'One', 'Control', 'Latin', 'Euro Sign', 'Emoji', 'Hebrew Letter Dalet With Dagesh'])
  expect(canonical({ b: { d: 1, c: [2, { f: 3, e: 4 }] }, a: null })).toBe('{"a":null,"b":{"c":[2,{"e":4,"f":3}],"d":1}}')
})

test('numbers take the shortest form that ECMAScript gives them (RFC 8785 appendix B)', () => {
  const numbers: readonly (readonly [number, string])[] = [
    [0, '0'],
    [-0, '0'],
    [5e-324, '5e-324'],
    [-1.7976931348623157e308, '-1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [295147905179352830000, '295147905179352830000'],
    [9.999999999999997e22, '9.999999999999997e+22'],
    [1e21, '1e+21'],
    [1e-7, '1e-7'],
    [333333333.3333332, '333333333.3333332']
  ]
  for (const [value, text] of numbers) expect(canonical([value])).toBe(`[${text}]`)
})

test('strings are escaped as little as JSON allows', () => {
  expect(canonical(['\u20ac$\u000f\nA\'B"\\\\"/'])).toBe('["\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"]')
})

test('undefined fields are left out, and what JSON cannot carry is refused', () => {
  expect(canonical({ a: undefined, b: 1 })).toBe('{"b":1}')
  expect(() => canonicalBytes([Number.NaN])).toThrow()
  expect(() => canonicalBytes([Number.POSITIVE_INFINITY])).toThrow()
})

test('a value and its re-read form have the same bytes, whatever the order of its keys', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const bytes = canonicalBytes(value)
      expect(canonicalBytes(JSON.parse(fromUtf8(bytes)) as object)).toEqual(bytes)
      const reversed = Object.fromEntries(Object.entries(value).reverse())
      expect(canonicalBytes(reversed)).toEqual(bytes)
    })
  )
})

test('what is signed is the purpose, a NUL and the canonical bytes', () => {
  expect(toHex(signingInput('hello', { b: 1, a: 'x' }))).toBe('70656572636f6d707574652f68656c6c6f2f31007b2261223a2278222c2262223a317d')
})

test('hashes are SHA-256 in lower-case hex (FIPS 180-4 example)', () => {
  expect(sha256Hex(new TextEncoder().encode('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('half of a surrogate pair, which JSON can spell and UTF-8 cannot, is refused as a bad request', () => {
  for (const text of ['"\\ud83d"', '"\\ude00"', '"a\\ud83db"'])
    expect(() => canonicalBytes([JSON.parse(text) as string])).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }))
  expect(() => canonicalBytes({ [JSON.parse('"\\ud83d"') as string]: 1 })).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }))
  expect(canonical(['\ud83d\ude00'])).toBe('["\ud83d\ude00"]')
})
