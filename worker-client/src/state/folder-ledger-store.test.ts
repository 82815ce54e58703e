import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeClock } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Identity } from '../identity/identity.ts'
import { testIdentity } from '../test-support/test-identity.ts'
import { testSpec } from '../test-support/test-job.ts'
import { createFolderLedgerStore } from './folder-ledger-store.ts'
import { createStateManager, type StateManager } from './state-manager.ts'

/** Of a store that knows no own feed: the fake clock's time in seconds. */
const FIRST_EPOCH = 1_700_000_000

let folder: string
let identity: Identity
let open: StateManager[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peercompute-ledger-'))
  identity = await testIdentity()
  open = []
})
afterEach(async () => {
  for (const manager of open) manager.stop()
  await rm(folder, { recursive: true, force: true })
})

function manager(): StateManager {
  const created = createStateManager({ identity, store: createFolderLedgerStore(folder), clock: createFakeClock() })
  open.push(created)
  return created
}

describe('createFolderLedgerStore', () => {
  it('brings the own feed back after a restart, and goes on with it', async () => {
    const before = manager()
    await before.publish(testSpec())
    const after = manager()
    await after.ledger.ready
    expect(after.ledger.foldHash()).toBe(before.ledger.foldHash())
    await after.publish(testSpec({ revision: 2 }))
    expect(after.ledger.heads()).toMatchObject([{ epoch: FIRST_EPOCH, length: 3 }])
  })

  it('cuts off the update that a crash left half written', async () => {
    const before = manager()
    await before.publish(testSpec())
    const [file = ''] = await readdir(folder)
    await appendFile(join(folder, file), Uint8Array.of(0, 0, 1, 0, 0, 0))
    const after = manager()
    await after.publish(testSpec({ revision: 2 }))
    const last = manager()
    await last.ledger.ready
    expect(last.ledger.foldHash()).toBe(after.ledger.foldHash())
    expect(last.ledger.heads()).toMatchObject([{ length: 3 }])
  })

  it('never continues a feed whose file is damaged, because its records may be known elsewhere', async () => {
    await manager().publish(testSpec())
    const [file = ''] = await readdir(folder)
    await writeFile(join(folder, file), 'not a feed at all')
    const after = manager()
    await after.publish(testSpec({ revision: 2 }))
    expect(after.ledger.heads()).toMatchObject([{ epoch: FIRST_EPOCH + 1, length: 2 }])
  })

  it('ignores files of other names', async () => {
    await writeFile(join(folder, 'junk.feed'), 'not a feed at all')
    await manager().publish(testSpec())
  })
})
