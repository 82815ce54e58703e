/** A hundred thousand mutated frames, each in a session of its own, read as a stream's bytes are. */
import { generateKeyPair, type ContentHash } from '@peercompute/job-specs'
import { encodeFrame, FrameReader, LEDGER_FRAME_MAX_BYTES, type Frame } from '@peercompute/job-specs/protocol'
import { createLedger, memoryLedgerStore } from '@peercompute/ledger'
import { heapAfterCollection, mutated, randomOf } from '@peercompute/ledger/testing'
import { expect, test } from 'vitest'
import { LedgerSession, PeerOffence } from './ledger-session.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { openCoordinatorFeed, openFeed, someJob } from './testing/replicas.ts'
import type { FrameChannel } from './frame-channel.ts'

const RUNS = 100_000
const SLOWEST_MS = 1_000
const GROWTH_MAX_BYTES = 50_000_000

/** What one peer sends, and then it hangs up. It reads nothing. */
function hangingUp(bytes: Uint8Array, sent: { count: number }): FrameChannel {
  return {
    remote: 'liar',
    send: () => {
      sent.count++
      return Promise.resolve()
    },
    frames: (async function* (): AsyncGenerator<Frame> {
      yield* new FrameReader(LEDGER_FRAME_MAX_BYTES).push(bytes)
    })(),
    close: () => Promise.resolve(),
    abort: () => undefined
  }
}

test('no mutation of a frame changes the ledger, hangs, or is remembered', { timeout: 300_000 }, async () => {
  const ledger = createLedger({ now: () => 1, store: memoryLedgerStore() })
  const root = await generateKeyPair({ extractable: false })
  ledger.follow(root.publicKey as never)
  await openCoordinatorFeed(ledger, root)
  const writer = await openFeed(ledger)
  await writer.append('job.cancel', { job: someJob })
  const { feed } = writer
  const update = ledger.updateFrom(feed, 0) ?? new Uint8Array(0)
  const sha256 = '0'.repeat(64) as ContentHash
  const record = update.subarray(40, 600)
  const sources = [
    encodeFrame({ type: 'heads', feeds: [{ ...feed, length: 9 }], checkpoint: { ...feed, snapshot: sha256 } }),
    encodeFrame({ type: 'want', ...feed, from: 0 }),
    encodeFrame({ type: 'update', ...feed }, update),
    encodeFrame({ type: 'want-snapshot', sha256 }),
    encodeFrame({ type: 'snapshot', sha256 }, update),
    encodeFrame({ type: 'fork', ...feed, seq: 1, heldBytes: record.length }, Buffer.concat([record, record]))
  ]
  const before = ledger.foldHash()
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
  console.log(`fuzz of ledger frames: seed ${String(seed)}, again with FUZZ_SEED=${String(seed)}`)
  const random = randomOf(seed)
  const clock = createFakeClock()
  const fetching = new Set<ContentHash>()
  const tally = { offence: 0, frame: 0, harmless: 0 }
  const sent = { count: 0 }
  let slowest = 0
  const heap = heapAfterCollection()
  for (let run = 0; run < RUNS; run++) {
    const bytes = mutated(sources[run % sources.length] ?? update, random)
    const session = new LedgerSession({ channel: hangingUp(bytes, sent), ledger, clock, fetching, onAdmission: () => undefined })
    const started = performance.now()
    const error: unknown = await session.run().then(
      () => null,
      (reason: unknown) => reason
    )
    slowest = Math.max(slowest, performance.now() - started)
    if (error === null) tally.harmless++
    else if (error instanceof PeerOffence) tally.offence++
    else tally.frame++
  }
  expect(heapAfterCollection() - heap).toBeLessThan(GROWTH_MAX_BYTES)
  expect(ledger.foldHash()).toBe(before)
  expect(slowest).toBeLessThan(SLOWEST_MS)
  expect([clock.pending(), fetching.size]).toEqual([[], 0])
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(RUNS / 100)
  expect(sent.count).toBeGreaterThan(0)
  ledger.close()
})
