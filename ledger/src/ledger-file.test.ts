import { jobIdOf, PeerComputeError, type ContentHash, type KeyPair, type RootId } from '@peercompute/job-specs'
import { decodeFrames, encodeFrame, LEDGER_FRAME_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { expect, test } from 'vitest'
import { fixedKey, newLedger, openCoordinator, openInstallation, signedJob, TIME } from '../test/fixtures.ts'
import { bytesOf, recordsOf } from '../test/forge.ts'
import { client, feed, honest, records, recordAfter, victim } from '../test/hostile-scene.ts'
import { recordHash } from '@peercompute/job-specs'
import { writeFeedUpdate } from './feed-update.ts'
import {
  createFold,
  exportLedger,
  feedKey,
  followLedger,
  importLedger,
  snapshotOf,
  verifyLedgerFile,
  writeCheckpoint,
  type Ledger
} from './index.ts'

const [rootKey, operational, alice, account] = (await Promise.all([3, 10, 20, 2].map(fixedKey))) as [KeyPair, KeyPair, KeyPair, KeyPair]
const root = rootKey.publicKey as RootId
const digest = '1'.repeat(64) as ContentHash

/** A ledger with a fork, a checkpoint and a record after it. */
async function scene(): Promise<{ ledger: Ledger; stateHash: string }> {
  const ledger = newLedger()
  ledger.follow(root)
  const fold = createFold(root)
  followLedger(ledger, fold)
  const coordinator = await openCoordinator(ledger, operational, rootKey)
  const author = await openInstallation(ledger, alice, account)
  const signed = await signedJob(alice, 'kept')
  const job = jobIdOf(signed.author, signed.spec)
  await author.append('job.publish', { signed })
  await coordinator.append('job.admit', { job, signed, custodial: false })
  await ledger.admit(feed, honest)
  const fork = await recordAfter(2, recordHash(bytesOf(records, 1)), victim, TIME + 1)
  await ledger.admit(feed, writeFeedUpdate(client, { from: 2, records: [fork] }))
  await writeCheckpoint(ledger, coordinator, snapshotOf(fold.state(), ledger.covers(), root))
  await coordinator.append('units.settle', { job, start: 0, count: 1, digest, independence: 'host' })
  // What the checkpoint dropped is brought back by a peer.
  await ledger.admit(feed, honest)
  await ledger.admit(feed, writeFeedUpdate(client, { from: 2, records: [fork] }))
  return { ledger, stateHash: fold.stateHash() }
}

test('a file verifies by itself and brings another replica to the same state', async () => {
  const { ledger, stateHash } = await scene()
  const bytes = exportLedger(ledger)
  for (const expected of [undefined, root]) {
    expect(await verifyLedgerFile(bytes, expected)).toMatchObject({
      root,
      feeds: 3,
      refused: [],
      forks: [{ feed, seq: 2 }],
      checkpoint: { feed: { author: operational.publicKey, epoch: 1 }, serial: 1 },
      wanted: null,
      jobs: 2,
      stateHash
    })
  }
  const there = newLedger()
  there.follow(root)
  const fold = createFold(root)
  followLedger(there, fold)
  expect(await importLedger(there, bytes)).toEqual([])
  expect(fold.stateHash()).toBe(stateHash)
  expect(await importLedger(there, bytes)).toEqual([])
})

test('without the named root nothing is believed, though every signature holds', async () => {
  const { ledger } = await scene()
  const report = await verifyLedgerFile(exportLedger(ledger), account.publicKey as RootId)
  expect(report).toMatchObject({ root: account.publicKey, checkpoint: null, refused: [{ feed: null, refusal: 'snapshot' }], jobs: 2 })
})

test('a changed byte is told, with the feed that it stands in', async () => {
  const { ledger } = await scene()
  const bytes = exportLedger(ledger)
  const part = ledger.updateFrom({ author: alice.publicKey as never, epoch: 0 }, 0) ?? new Uint8Array(0)
  const at = indexOf(bytes, bytesOf(recordsOf(part), 1)) + 10
  const changed = bytes.slice()
  changed[at] = (changed[at] ?? 0) ^ 1
  const report = await verifyLedgerFile(changed, root)
  expect(report.refused).toEqual([{ feed: { author: alice.publicKey, epoch: 0 }, refusal: 'signature' }])
  expect(report.stateHash).not.toBeNull()
  const cut = bytes.slice(0, -3)
  await expect(verifyLedgerFile(cut)).rejects.toBeInstanceOf(PeerComputeError)
})

test('what is no ledger file is refused', async () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(100), encodeFrame({ type: 'heads', feeds: [] })])
    await expect(verifyLedgerFile(bytes)).rejects.toMatchObject({ code: 'FRAME_INVALID' })
})

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  const at = Buffer.from(bytes).indexOf(Buffer.from(part))
  if (at < 0) throw new Error('not there')
  return at
}

test('what the checkpoint says comes first, and who wants no more takes nothing that it sums up', async () => {
  const { ledger } = await scene()
  const frames = decodeFrames(exportLedger(ledger), LEDGER_FRAME_MAX_BYTES)
  const checkpoint = ledger.checkpoint()
  expect(frames.slice(1, 3).map(({ message }) => message)).toMatchObject([
    { type: 'update', ...checkpoint?.feed },
    { type: 'snapshot', sha256: checkpoint?.sha256 }
  ])
  const follower = newLedger()
  follower.follow(root)
  const admitted: string[] = []
  const admit = follower.admit.bind(follower)
  follower.admit = (name, update) => {
    admitted.push(feedKey(name))
    return admit(name, update)
  }
  expect(await importLedger(follower, exportLedger(ledger), 'uncovered')).toEqual([])
  expect(follower.checkpoint()?.sha256).toBe(checkpoint?.sha256)
  const spared = ledger
    .heads()
    .filter((head) => ledger.covered(head, head.length))
    .map(feedKey)
  expect(spared).not.toEqual([])
  expect(spared.filter((key) => admitted.includes(key))).toEqual([])
})
