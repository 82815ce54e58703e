/** Mutated updates, thousands of them: an honest replica never changes, never throws, never hangs. The seed is printed. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeRecord, type JobId } from '@peercompute/job-specs'
import { fixedKey, newLedger, openInstallation, signedJob, TIME, wholeFeed } from '../test/fixtures.ts'
import { writeFeedUpdate } from './feed-update.ts'
import { feedClientId } from './index.ts'

const RUNS = 6_000
const SLOWEST_MS = 1_000

type Edit = { readonly kind: 'set' | 'insert' | 'remove'; readonly at: number; readonly byte: number }

const edits = fc.array(fc.record({ kind: fc.constantFrom<Edit['kind']>('set', 'insert', 'remove'), at: fc.nat(), byte: fc.nat(255) }), {
  minLength: 1,
  maxLength: 6
})

function mutate(update: Uint8Array, list: readonly Edit[]): Uint8Array {
  const bytes = [...update]
  for (const { kind, at, byte } of list) {
    const index = at % (bytes.length + 1)
    if (kind === 'set') bytes.splice(index, 1, byte)
    else if (kind === 'insert') bytes.splice(index, 0, byte)
    else bytes.splice(index, 1 + (byte % 8))
  }
  return Uint8Array.from(bytes)
}

test('no mutation of an honest update changes the honest feed', { timeout: 120_000 }, async () => {
  const [author, account] = await Promise.all([fixedKey(1), fixedKey(2)])
  const source = newLedger()
  const writer = await openInstallation(source, author, account)
  await writer.append('job.publish', { signed: await signedJob(author, 'fuzzed') })
  const feed = { ...writer.feed }
  const replica = newLedger()
  await replica.admit(feed, wholeFeed(source, writer))
  const before = replica.foldHash()
  const last = source.entries(feed).at(-1)
  const held = source.updateFrom(feed, 1)
  if (last === undefined || held === null) throw new Error('nothing to fuzz')
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
  const tally = new Map<string, number>()
  let slowest = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...sources), edits, async (update, list) => {
      const started = performance.now()
      const answer = await replica.admit(feed, mutate(update, list))
      slowest = Math.max(slowest, performance.now() - started)
      const outcome = answer.applied ? 'applied' : answer.refusal
      tally.set(outcome, (tally.get(outcome) ?? 0) + 1)
      expect(['applied', 'equivocation']).not.toContain(outcome)
    }),
    { seed, numRuns: RUNS }
  )
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
