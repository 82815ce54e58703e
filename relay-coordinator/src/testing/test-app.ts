/** The HTTP side as `serve` assembles it, on the memory store and temporary folders, without listening. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeClock, type FakeClock } from '@peercompute/p2p/testing'
import { memoryAudit } from '../access/memory-audit.ts'
import { createOperator, type Operator } from '../access/operator.ts'
import type { NewResearchers } from '../access/researchers.ts'
import { memoryAccessStore } from '../access/sqlite-access-store.ts'
import { createApp, type App } from '../app.ts'
import { createAwaitedBlobs } from '../blobs/awaited-blobs.ts'
import { openBlobFolder, type BlobFolder } from '../blobs/blob-folder.ts'
import type { Coordinator } from '../coordinator.ts'
import { createMemoryStore } from '../core/index.ts'
import { createCreditDesk, type CreditDesk } from '../credit/credit-desk.ts'
import { memoryTeamStore } from '../credit/team-store.ts'
import { createCoordinator } from '../engine/coordinator.ts'
import type { AppComponents } from '../http/components.ts'
import { loadAdminToken } from '../keys/admin-token.ts'
import { loadCoordinatorKeys, type CoordinatorKeys } from '../keys/coordinator-keys.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { createTotals } from '../metrics/totals.ts'
import { createWorkServer, type WorkServer } from '../work/work-server.ts'

export interface TestApp extends AsyncDisposable {
  readonly app: App
  readonly coordinator: Coordinator
  readonly operator: Operator
  readonly credit: CreditDesk
  readonly work: WorkServer
  readonly blobs: BlobFolder
  readonly keys: CoordinatorKeys
  readonly clock: FakeClock
  readonly token: string
  readonly folder: string
  readonly faults: unknown[]
}

export async function createTestApp(
  overrides: Partial<AppComponents> = {},
  hasBlob?: (sha256: string) => boolean,
  newResearchers: NewResearchers = 'admit'
): Promise<TestApp> {
  const folder = await mkdtemp(join(tmpdir(), 'coordinator-'))
  const clock = createFakeClock()
  const keys = await loadCoordinatorKeys(folder, clock.now())
  const token = await loadAdminToken(folder)
  const blobs = await openBlobFolder(folder)
  const faults: unknown[] = []
  const onFault = (error: unknown): void => {
    faults.push(error)
  }
  const coordinator = createCoordinator({
    store: createMemoryStore(),
    now: () => clock.now(),
    random: () => 0.5,
    hasBlob: async (sha256) => (hasBlob === undefined ? (await blobs.size(sha256)) !== null : hasBlob(sha256))
  })
  const audit = memoryAudit()
  const operator = createOperator({
    store: memoryAccessStore(audit),
    audit,
    coordinator,
    keys,
    adminToken: token,
    newResearchers,
    announce: () => Promise.resolve(),
    now: () => clock.now()
  })
  const metrics = createMetrics(coordinator)
  const totals = createTotals(coordinator)
  const credit = createCreditDesk({ coordinator, store: memoryTeamStore(audit), keys, clock })
  const work = createWorkServer({ coordinator, keys, clock, metrics, onFault })
  const app = await createApp({
    coordinator,
    work,
    blobs,
    awaited: createAwaitedBlobs(),
    keys,
    operator,
    credit,
    metrics,
    totals,
    clock,
    onFault,
    network: () => ({ peerId: 'peer', addresses: ['/ip4/127.0.0.1/tcp/1/ws/p2p/peer'] }),
    ready: () => true,
    ...overrides
  })
  return {
    app,
    coordinator,
    operator,
    credit,
    work,
    blobs,
    keys,
    clock,
    folder,
    faults,
    token: token.fresh ?? '',
    async [Symbol.asyncDispose]() {
      await work.close()
      await app.close()
      await coordinator.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
}
