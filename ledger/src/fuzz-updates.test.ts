/** A hundred thousand mutated updates: an honest replica never changes, never throws, never hangs, and keeps nothing of them. */
import { encodeRecord, type JobId } from '@peercompute/job-specs'
import { expect, test } from 'vitest'
import { fixedKey, newLedger, openInstallation, signedJob, TIME, wholeFeed } from '../test/fixtures.ts'
import { heapAfterCollection, mutated, randomOf } from '../test/fuzz.ts'
import { writeFeedUpdate } from './feed-update.ts'
import { feedClientId } from './index.ts'

const RUNS = 100_000
/** Updates of one feed that wait beside each other: fewer than may. */
const AT_ONCE = 32
const SLOWEST_MS = 1_000
const GROWTH_MAX_BYTES = 50_000_000

test('no mutation of an honest update changes the honest feed', { timeout: 300_000 }, async () => {
  const [author, account] = await Promise.all([fixedKey(1), fixedKey(2)])
  const source = newLedger()
  const writer = await openInstallation(source, author, account)
  await writer.append('job.publish', { signed: await signedJob(author, 'fuzzed') })
  const feed = { ...writer.feed }
  const replica = newLedger()
  await replica.admit(feed, wholeFeed(source, writer))
  const before = replica.foldHash()
  const held = source.updateFrom(feed, 1)
  if (held === null) throw new Error('nothing to fuzz')
  // Signed by the author, but off the chain: structure and signature hold, so mutations reach every later check.
  const loose = await encodeRecord(
    author,
    { epoch: 0, head: { epoch: 0, seq: 1, hash: 'c'.repeat(64) } },
    'job.cancel',
    { job: 'd'.repeat(64) as JobId },
    TIME
  )
  const sources = [wholeFeed(source, writer), held, writeFeedUpdate(feedClientId(feed), { from: 2, records: [loose] })]
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
  console.log(`fuzz of ledger updates: seed ${String(seed)}, again with FUZZ_SEED=${String(seed)}`)
  const random = randomOf(seed)
  const tally = new Map<string, number>()
  let slowest = 0
  const heap = heapAfterCollection()
  for (let run = 0; run < RUNS; run += AT_ONCE) {
    const updates = Array.from({ length: AT_ONCE }, () => mutated(sources[Math.floor(random() * sources.length)] ?? held, random))
    const started = performance.now()
    const answers = await Promise.all(updates.map((update) => replica.admit(feed, update)))
    slowest = Math.max(slowest, performance.now() - started)
    for (const answer of answers) {
      const outcome = answer.applied ? 'applied' : answer.refusal
      tally.set(outcome, (tally.get(outcome) ?? 0) + 1)
    }
  }
  expect(heapAfterCollection() - heap).toBeLessThan(GROWTH_MAX_BYTES)
  expect([tally.get('applied'), tally.get('equivocation')]).toEqual([undefined, undefined])
  expect(replica.foldHash()).toBe(before)
  expect(replica.heads()).toEqual([{ ...feed, length: 2 }])
  expect(slowest).toBeLessThan(SLOWEST_MS)
  // The fuzz is worth something only while it reaches both the gate and what lies behind it.
  for (const refusal of ['structure', 'record', 'signature']) expect(tally.get(refusal) ?? 0).toBeGreaterThan(0)
  // And the replica is as able as before.
  await writer.append('job.cancel', { job: 'd'.repeat(64) as JobId })
  expect(await replica.admit(feed, wholeFeed(source, writer))).toEqual({ applied: true, records: 1 })
  expect(replica.foldHash()).not.toBe(before)
})
