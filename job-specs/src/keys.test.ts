import { expect, test } from 'vitest'
import { fromBase64Url, toBase64Url } from './bytes.ts'
import { exportPrivateKey, generateKeyPair, importPrivateKey, sign, verify } from './keys.ts'

const value = { n: 1, text: 'ü' }

test('the public key of RFC 8032 §7.1 test 1 comes out of its private key', async () => {
  const pair = await importPrivateKey(pkcs8('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'))
  expect(toBase64Url(Uint8Array.from(hex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')))).toBe(pair.publicKey)
})

test('a signature holds for its key, its purpose and its value only', async () => {
  const pair = await generateKeyPair({ extractable: false })
  const other = await generateKeyPair({ extractable: false })
  const signature = await sign(pair, 'record', value)
  expect(signature).toMatch(/^[A-Za-z0-9_-]{86}$/)
  expect(await verify(pair.publicKey, 'record', value, signature)).toBe(true)
  expect(await verify(pair.publicKey, 'record', { text: 'ü', n: 1 }, signature)).toBe(true)
  expect(await verify(pair.publicKey, 'report', value, signature)).toBe(false)
  expect(await verify(pair.publicKey, 'record', { ...value, n: 2 }, signature)).toBe(false)
  expect(await verify(other.publicKey, 'record', value, signature)).toBe(false)
})

test('a key or signature that is none is false, never an exception', async () => {
  const pair = await generateKeyPair({ extractable: false })
  const signature = await sign(pair, 'record', value)
  for (const key of ['', 'A', '****', 'A'.repeat(43), 'A'.repeat(80)]) expect(await verify(key, 'record', value, signature)).toBe(false)
  for (const bad of ['', 'A', '****', 'A'.repeat(86), signature.slice(1)])
    expect(await verify(pair.publicKey, 'record', value, bad)).toBe(false)
  expect(await verify(pair.publicKey, 'record', { nan: Number.NaN }, signature)).toBe(false)
})

test('a signature cannot be bent into another one that holds', async () => {
  const pair = await generateKeyPair({ extractable: false })
  const bytes = fromBase64Url(await sign(pair, 'record', value))
  expect(await verify(pair.publicKey, 'record', value, toBase64Url(plusGroupOrder(bytes)))).toBe(false)
})

test('an extractable key survives export and import; another one stays inside', async () => {
  const pair = await generateKeyPair({ extractable: true })
  const again = await importPrivateKey(await exportPrivateKey(pair))
  expect(again.publicKey).toBe(pair.publicKey)
  expect(await verify(pair.publicKey, 'hello', value, await sign(again, 'hello', value))).toBe(true)
  await expect(exportPrivateKey(await generateKeyPair({ extractable: false }))).rejects.toThrow()
  await expect(importPrivateKey(new Uint8Array(48))).rejects.toThrow()
})

test('many keys in a row still verify after the cache of imported keys was emptied', async () => {
  const first = await generateKeyPair({ extractable: false })
  const signature = await sign(first, 'record', value)
  expect(await verify(first.publicKey, 'record', value, signature)).toBe(true)
  const strangers = Array.from({ length: 5_000 }, (_, index) =>
    toBase64Url(Uint8Array.from({ length: 32 }, (_, at) => (index >> (at % 13)) & 0xff))
  )
  for (const stranger of strangers) expect(await verify(stranger, 'record', value, signature)).toBe(false)
  expect(await verify(first.publicKey, 'record', value, signature)).toBe(true)
})

function hex(text: string): number[] {
  return (text.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))
}

function pkcs8(seed: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...hex('302e020100300506032b657004220420'), ...hex(seed)])
}

/** Same point, S + L: the classical second signature that a lax verifier would accept (RFC 8032 §8.4). */
function plusGroupOrder(signature: Uint8Array): Uint8Array {
  const L = 2n ** 252n + 27742317777372353535851937790883648493n
  const out = signature.slice()
  let s = L
  for (let i = 63; i >= 32; i--) s += BigInt(signature[i] ?? 0) << BigInt(8 * (i - 32))
  for (let i = 32; i < 64; i++, s >>= 8n) out[i] = Number(s & 0xffn)
  return out
}
