/** One catch-up, several threads: the same answer as from one. */
import type { JobId } from '@peercompute/job-specs'
import { expect, test } from 'vitest'
import { fixedKey, newLedger, openInstallation, wholeFeed } from '../test/fixtures.ts'
import { bytesOf, recordsOf } from '../test/forge.ts'
import { createSplitVerifier, verifyHere, type RecordVerifier } from './index.ts'

const COUNT = 2_100
const START = { seq: 0, hash: '0'.repeat(64) }

const source = newLedger()
const writer = await openInstallation(source, await fixedKey(1), await fixedKey(2))
await Promise.all(Array.from({ length: COUNT - 1 }, () => writer.append('job.cancel', { job: '0'.repeat(64) as JobId })))
const records = recordsOf(wholeFeed(source, writer))

function threads(): { readonly asked: number[][]; readonly verifier: RecordVerifier } {
  const asked: number[][] = [[], [], []]
  const verifiers = asked.map((counts): RecordVerifier => ({
    verify: (feed, position, part) => {
      counts.push(part.length)
      return verifyHere.verify(feed, position, part)
    }
  }))
  return { asked, verifier: createSplitVerifier(verifiers) }
}

test('a long catch-up is shared by as many threads as it is worth, a short one is not', { timeout: 30_000 }, async () => {
  const { asked, verifier } = threads()
  expect(await verifier.verify(writer.feed, START, records)).toEqual(await verifyHere.verify(writer.feed, START, records))
  expect(asked).toEqual([[1_050], [1_050], []])
  await verifier.verify(writer.feed, START, records.slice(0, 2_000))
  expect(asked).toEqual([[1_050, 2_000], [1_050], []])
})

test('what is wrong in any part is refused for the same reason', { timeout: 60_000 }, async () => {
  const flip = (index: number, at: number) => {
    const bytes = new Uint8Array(bytesOf(records, index))
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return records.with(index, bytes)
  }
  for (const list of [flip(5, 0), flip(1_050, 3), flip(COUNT - 1, 9), flip(1_500, 200), records.toSpliced(7, 1)]) {
    const [split, alone] = [await threads().verifier.verify(writer.feed, START, list), await verifyHere.verify(writer.feed, START, list)]
    expect(split).toEqual(alone)
    expect(split.ok).toBe(false)
  }
})

test('nothing gets through where two parts meet', { timeout: 60_000 }, async () => {
  const resigned = new Uint8Array(bytesOf(records, 1_049))
  resigned[3] = (resigned[3] ?? 0) ^ 1
  for (const list of [records.with(1_049, resigned), records.toSpliced(1_049, 1), records.toSpliced(1_050, 1)])
    expect(await threads().verifier.verify(writer.feed, START, list)).toMatchObject({ ok: false })
})
