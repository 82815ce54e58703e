/** The crafted attacks against replicas of the feed, one by one, all together, and ten thousand at a time. */
import { recordHash } from '@peercompute/job-specs'
import { describe, expect, test } from 'vitest'
import { attacksOn } from '../test/attacks.ts'
import { newLedger } from '../test/fixtures.ts'
import { bytesOf } from '../test/forge.ts'
import { client, evil, feed, newReplica, recordAfter, records, victim } from '../test/hostile-scene.ts'
import { writeFeedUpdate } from './feed-update.ts'

const SLOWEST_MS = 1_000
const attacks = await attacksOn({ feed, length: records.length, hash: recordHash(bytesOf(records, records.length - 1)) }, evil)

describe('refused, at once, without a trace:', () => {
  test.each(attacks)('$name', async ({ feed: on, update, refusal }) => {
    const [replica, empty] = [await newReplica(), newLedger()]
    const before = replica.foldHash()
    const started = performance.now()
    expect(await replica.admit(on, update)).toEqual({ applied: false, refusal })
    expect((await empty.admit(on, update)).applied).toBe(false)
    expect(performance.now() - started).toBeLessThan(SLOWEST_MS)
    expect([replica.foldHash(), empty.heads()]).toEqual([before, []])
    expect(Object.hasOwn(Object.prototype, 'a')).toBe(false)
  })
})

test('ten thousand updates with a gap leave nothing waiting', async () => {
  const replica = await newReplica()
  const before = [replica.foldHash(), replica.bytes]
  const gap = writeFeedUpdate(client, { from: 9, records: [new Uint8Array(100)] })
  const started = performance.now()
  for (let i = 0; i < 10_000; i++) expect(await replica.admit(feed, gap)).toEqual({ applied: false, refusal: 'gap' })
  // 24 s of CPU in an unguarded document, and quadratic.
  expect(performance.now() - started).toBeLessThan(10_000)
  expect([replica.foldHash(), replica.bytes]).toEqual(before)
})

test('two contents for one place do not make replicas diverge: whoever sees both keeps neither', async () => {
  const last = bytesOf(records, 2)
  const branch = await recordAfter(2, recordHash(bytesOf(records, 1)), victim, 77)
  const [one, two] = [newLedger(), newLedger()]
  const update = (...list: Uint8Array[]) => writeFeedUpdate(client, { from: 0, records: [...records.slice(0, 2), ...list] })
  await one.admit(feed, update(last))
  await two.admit(feed, update(branch))
  expect(one.foldHash()).not.toBe(two.foldHash())
  expect(await one.admit(feed, update(branch))).toMatchObject({ refusal: 'equivocation' })
  expect(await two.admit(feed, update(last))).toMatchObject({ refusal: 'equivocation' })
  expect(one.foldHash()).toBe(two.foldHash())
  expect(one.heads()).toMatchObject([{ length: 2 }])
})

test('a newcomer takes of a forked feed what stands before the fork, from whichever branch', async () => {
  const branch = await recordAfter(2, recordHash(bytesOf(records, 1)), victim, 77)
  const [knows, late] = [await newReplica(), newLedger()]
  await knows.admit(feed, writeFeedUpdate(client, { from: 2, records: [branch] }))
  const proof = knows.fork(feed)
  if (proof === null) throw new Error('no proof')
  expect(await late.learnFork(proof)).toBe('ignored')
  await late.admit(feed, writeFeedUpdate(client, { from: 0, records: [...records.slice(0, 2), branch] }))
  expect(await late.learnFork(proof)).toBe('new')
  expect(await late.learnFork(proof)).toBe('ignored')
  expect(late.foldHash()).toBe(knows.foldHash())
  expect(await late.admit(feed, writeFeedUpdate(client, { from: 2, records: [branch] }))).toEqual({
    applied: false,
    refusal: 'equivocation',
    proof
  })
  expect(await late.learnFork({ ...proof, seq: 1, held: bytesOf(records, 1), met: bytesOf(records, 1) })).toBe('false')
})
