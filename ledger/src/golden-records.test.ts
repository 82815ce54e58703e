/** The bytes that peers of every version must agree on. Made with node:crypto and Yjs itself from a key of 32 bytes 0x01. */
import {
  decodeRecord,
  encodeRecord,
  NO_PREVIOUS,
  recordHash,
  sha256Hex,
  signingInput,
  toHex,
  verifyRecordSignature,
  fromUtf8,
  type JobId
} from '@peercompute/job-specs'
import { expect, test } from 'vitest'
import { authorOf, fixedKey, TIME } from '../test/fixtures.ts'
import { writeFeedUpdate } from './feed-update.ts'
import { feedClientId, feedGuid } from './index.ts'

const author = await fixedKey(1)
const job = 'ab'.repeat(32) as JobId
const bytes = await encodeRecord(author, { epoch: 0, head: null }, 'job.cancel', { job }, TIME)

test('a record is its signature and its canonical JSON, nothing else', async () => {
  expect(author.publicKey).toBe('iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w')
  expect(fromUtf8(bytes.subarray(64))).toBe(
    `{"author":"${author.publicKey}","body":{"job":"${job}"},"epoch":0,"prev":"${NO_PREVIOUS}","seq":0,"ts":1750000000000,"type":"job.cancel","v":1}`
  )
  expect(toHex(bytes.subarray(0, 64))).toBe(
    'c8846b20a14e721f3f7aca037389827b6a5e7b7ace1f2fb3885f005587337f2b360354baa2d05abb4858abbf4a99b61e628e61d620c7bd6fa3193743c0fbd60a'
  )
  expect(recordHash(bytes)).toBe('0edb417dd84cdc316ebba38cc05e291993c1ab87023a6be3f4a1cdba045bb719')
  const record = decodeRecord(bytes)
  expect(record !== null && (await verifyRecordSignature(bytes, record))).toBe(true)
})

test("what a record's signature covers begins with its purpose", () => {
  const input = signingInput('record', JSON.parse(fromUtf8(bytes.subarray(64))) as object)
  expect(fromUtf8(input.subarray(0, 21))).toBe('peercompute/record/1\0')
  expect(input.subarray(21)).toEqual(bytes.subarray(64))
  expect(sha256Hex(input)).toBe('a8cc6cfa00b21dc99919698b9ecf20e4caa069c555da8cafb2a1db466ed446d3')
})

test('a feed of that author has this guid, this client id and this update', () => {
  const feed = { author: authorOf(author), epoch: 0 }
  expect(feedGuid(feed)).toBe('feed:iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w:0')
  expect(feedClientId(feed)).toBe(3300349102)
  expect(toHex(writeFeedUpdate(feedClientId(feed), { from: 0, records: [Uint8Array.of(1, 2, 3)] }))).toBe(
    '0101aea9dda50c00030104666565640301020300'
  )
  expect(toHex(writeFeedUpdate(feedClientId(feed), { from: 1, records: [Uint8Array.of(4)] }))).toBe('0101aea9dda50c0183aea9dda50c00010400')
})
