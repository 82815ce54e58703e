import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  certifyCoordinator,
  generateKeyPair,
  jobIdOf,
  signSpec,
  type AuthorId,
  type JobId,
  type KeyPair,
  type RootId
} from '@peercompute/job-specs'
import {
  createFold,
  createLedger,
  followLedger,
  memoryLedgerStore,
  snapshotOf,
  writeCheckpoint,
  type FeedWriter,
  type Ledger
} from '@peercompute/ledger'
import { createFakeClock, until } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Identity } from '../identity/identity.ts'
import { testIdentity } from '../test-support/test-identity.ts'
import { testSpec } from '../test-support/test-job.ts'
import { createFolderLedgerStore } from './folder-ledger-store.ts'
import { createStateManager, type StateManager } from './state-manager.ts'

let folder: string
let identity: Identity
let managers: StateManager[]
let rootKey: KeyPair
let root: RootId

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peercompute-state-'))
  identity = await testIdentity()
  managers = []
  rootKey = await generateKeyPair({ extractable: false })
  root = rootKey.publicKey as RootId
})
afterEach(async () => {
  for (const manager of managers) {
    await manager.ledger.saved()
    manager.stop()
  }
  await rm(folder, { recursive: true, force: true })
})

function manager(): StateManager {
  const created = createStateManager({ identity, store: createFolderLedgerStore(folder), clock: createFakeClock() })
  managers.push(created)
  return created
}

interface Coordinator {
  readonly ledger: Ledger
  readonly writer: FeedWriter
  readonly key: KeyPair
}

async function coordinator(serial = 1): Promise<Coordinator> {
  const ledger = createLedger({ now: () => serial * 1_000_000, store: memoryLedgerStore() })
  ledger.follow(root)
  const key = await generateKeyPair({ extractable: false })
  const writer = ledger.writer(key)
  await writer.append('coordinator.open', { certificate: await certifyCoordinator(rootKey, key.publicKey, serial, 1) })
  return { ledger, writer, key }
}

/** Everything that `from` holds, as a peer would hand it over. */
async function hear(to: StateManager, { ledger }: Pick<Coordinator, 'ledger'>): Promise<void> {
  for (const { author, epoch } of ledger.heads()) {
    const update = ledger.updateFrom({ author, epoch }, to.ledger.entries({ author, epoch }).length)
    if (update !== null) await to.ledger.admit({ author, epoch }, update)
  }
  const checkpoint = ledger.checkpoint()
  if (checkpoint !== null) await to.ledger.adopt(checkpoint.encoded)
}

async function admitJobs({ writer }: Coordinator, count: number): Promise<void> {
  const author = await generateKeyPair({ extractable: false })
  for (let i = 0; i < count; i++) {
    const signed = await signSpec(author, testSpec({ revision: i + 1 }))
    await writer.append('job.admit', { job: jobIdOf(signed.author, signed.spec), signed, custodial: false })
  }
}

async function checkpoint({ ledger, writer }: Coordinator): Promise<void> {
  const fold = createFold(root)
  followLedger(ledger, fold)()
  await writeCheckpoint(ledger, writer, snapshotOf(fold.state(), ledger.covers(), root))
}

describe('StateManager', () => {
  it('shows the jobs after a restart before there is any network, from a checkpoint and what followed it', async () => {
    const source = await coordinator()
    await admitJobs(source, 20)
    await checkpoint(source)
    await admitJobs(source, 1)
    const before = manager()
    before.follow(root)
    await hear(before, source)
    expect(before.state()?.jobs.size).toBe(21)
    await before.ledger.saved()
    before.stop()

    const after = manager()
    let changed = 0
    after.onChange(() => changed++)
    after.follow(root)
    await after.ledger.ready
    expect(after.state()?.jobs.size).toBe(21)
    expect([...(after.state()?.jobs.values() ?? [])].every(({ admitted }) => admitted)).toBe(true)
    expect(changed).toBeGreaterThan(0)
  })

  it('keeps nothing on disk of history that a checkpoint sums up', async () => {
    const source = await coordinator()
    await admitJobs(source, 20)
    const here = manager()
    here.follow(root)
    await hear(here, source)
    const files = async () => (await readdir(folder)).filter((name) => name.endsWith('.feed'))
    const [first] = await files()
    await checkpoint(source)
    await hear(here, source)
    await until(async () => !(await files()).includes(first ?? ''), 'the covered feed is gone')
    expect(await files()).toHaveLength(1)
    expect(await readdir(folder)).toContain('checkpoint.snapshot')
  })

  it('takes nothing more of authors who were banned here, or whose key the coordinator has revoked', async () => {
    const [source, strangerA, strangerB] = [await coordinator(), await coordinator(), await coordinator()]
    const here = manager()
    here.follow(root)
    await hear(here, source)
    here.ban(strangerA.key.publicKey as AuthorId)
    const update = strangerA.ledger.updateFrom(strangerA.writer.feed, 0) ?? new Uint8Array(0)
    expect(await here.ledger.admit(strangerA.writer.feed, update)).toEqual({ applied: false, refusal: 'banned' })

    const successor = await coordinator(2)
    await successor.writer.append('key.revoke', { key: strangerB.key.publicKey as AuthorId, reason: 'lost' })
    await hear(here, successor)
    const other = strangerB.ledger.updateFrom(strangerB.writer.feed, 0) ?? new Uint8Array(0)
    expect(await here.ledger.admit(strangerB.writer.feed, other)).toEqual({ applied: false, refusal: 'banned' })
    expect(here.ledger.lacks(strangerB.writer.feed, 1)).toBe(false)
  })

  it('knows what was revoked at once, after a reload, and behind a checkpoint, and believes nobody else', async () => {
    const [source, stranger] = [await coordinator(), await generateKeyPair({ extractable: false })]
    const author = stranger.publicKey as AuthorId
    const [job, other] = ['a', 'b'].map((digit) => digit.repeat(64) as JobId) as [JobId, JobId]
    const before = manager()
    before.follow(root)
    await hear(before, source)
    let told = 0
    before.onRevoked(() => told++)
    await source.writer.append('job.revoke', { job, reason: 'a test' })
    await hear(before, source)
    await until(() => told > 0, 'it is told')
    expect([before.isRevoked(job, author), before.isRevoked(other, author)]).toEqual([true, false])

    const forger = await coordinator(9)
    const forged = createLedger({ now: () => 1, store: memoryLedgerStore() })
    const writer = forged.writer(stranger)
    const otherRoot = await generateKeyPair({ extractable: false })
    await writer.append('coordinator.open', { certificate: await certifyCoordinator(otherRoot, stranger.publicKey, 9, 1) })
    await writer.append('job.revoke', { job: other, reason: 'forged' })
    await hear(before, { ledger: forged })
    expect([before.ledger.entries(writer.feed).length, before.isRevoked(other, author)]).toEqual([2, false])
    await before.ledger.saved()
    before.stop()

    const after = manager()
    after.follow(root)
    await after.ledger.ready
    expect([after.isRevoked(job, author), after.isRevoked(other, author)]).toEqual([true, false])
    // A later key of the same coordinator strikes out the first one; what this program has heard stays.
    await forger.writer.append('key.revoke', { key: source.key.publicKey as AuthorId, reason: 'rotated' })
    await hear(after, forger)
    expect(after.state()?.revokedJobs.size).toBe(0)
    expect(after.isRevoked(job, author)).toBe(true)
  })

  it('never continues an own feed that others gave back after its store was lost', async () => {
    const first = manager()
    await first.publish(testSpec())
    const { author, epoch } = first.ledger.heads()[0] ?? { author: '' as AuthorId, epoch: 0 }
    const update = first.ledger.updateFrom({ author, epoch }, 0) ?? new Uint8Array(0)
    first.stop()
    await rm(folder, { recursive: true })
    const second = manager()
    expect(await second.ledger.admit({ author, epoch }, update)).toMatchObject({ applied: true })
    await second.publish(testSpec({ revision: 2 }))
    expect(second.ledger.heads().map((head) => [head.epoch - epoch, head.length])).toEqual([
      [0, 2],
      [1, 2]
    ])
    await expect(second.cancel('0'.repeat(64) as JobId)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' })
  })
})
