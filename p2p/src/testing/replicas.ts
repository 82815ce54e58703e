/** Ledger replicas on real nodes, for tests of the exchange between them. */
import { certifyCoordinator, certifyHost, generateKeyPair, type JobId, type KeyPair, type RootId } from '@peercompute/job-specs'
import { LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import {
  createFold,
  createLedger,
  followLedger,
  memoryLedgerStore,
  type FeedWriter,
  type Ledger,
  type LedgerFold,
  type LedgerLimits
} from '@peercompute/ledger'
import { subscribersOf, type PeerNode } from '../gossip.ts'
import { PeerComputeProvider, type ProviderScope } from '../provider.ts'
import { systemClock, type Clock } from '../time/clock.ts'
import { addressesOf, type TestNetwork } from './network.ts'
import { until } from './until.ts'

export const someJob = '0'.repeat(64) as JobId

export interface Replica {
  readonly node: PeerNode
  readonly ledger: Ledger
  readonly provider: PeerComputeProvider
  /** Under `root`, or under a root that nobody has. */
  readonly fold: LedgerFold
}

export interface ReplicaOptions {
  readonly clock?: Clock
  readonly root?: RootId
  readonly scope?: ProviderScope
  readonly limits?: Partial<LedgerLimits>
}

export async function startReplica(network: TestNetwork, node: PeerNode, options: ReplicaOptions = {}): Promise<Replica> {
  const { clock = systemClock, root, scope, limits } = options
  const ledger = createLedger({ now: () => 1, store: memoryLedgerStore(), ...(limits === undefined ? {} : { limits }) })
  if (root !== undefined) ledger.follow(root)
  const fold = createFold(root ?? 'nobody')
  followLedger(ledger, fold)
  const provider = await PeerComputeProvider.start(node, ledger, { clock, ...(scope === undefined ? {} : { scope }) })
  network.after(async () => {
    await provider.stop()
    ledger.close()
  })
  return { node, ledger, provider, fold }
}

/** A relay and clients, all replicas, all in an exchange and subscribed. */
export async function startReplicas(network: TestNetwork, count: number, options: ReplicaOptions = {}): Promise<[Replica, ...Replica[]]> {
  const topic = options.scope?.topic ?? LEDGER_TOPIC
  const { clock: _, ...ofRelay } = options
  const relay = await startReplica(network, await network.relay(), ofRelay)
  const clients = await Promise.all(
    Array.from({ length: count }, async () => startReplica(network, await network.client(addressesOf(relay.node)), options))
  )
  await until(() => relay.provider.stats.sessions === count, 'the relay talks with every client')
  await until(() => subscribersOf(relay.node, topic).size === count, 'every client is subscribed')
  await until(() => clients.every(({ node }) => subscribersOf(node, topic).size === 1), 'every client knows it')
  return [relay, ...clients]
}

export async function openFeed(ledger: Ledger, author?: KeyPair): Promise<FeedWriter> {
  const [key, account] = await Promise.all([author ?? generateKeyPair({ extractable: false }), generateKeyPair({ extractable: false })])
  const writer = ledger.writer(key)
  await writer.append('feed.open', { certificate: await certifyHost(account, key.publicKey, 'test', 1) })
  return writer
}

export async function openCoordinatorFeed(ledger: Ledger, root: KeyPair): Promise<FeedWriter> {
  const key = await generateKeyPair({ extractable: false })
  const writer = ledger.writer(key)
  await writer.append('coordinator.open', { certificate: await certifyCoordinator(root, key.publicKey, 1, 1) })
  return writer
}

/** All hold the same records, and some. */
export function agree(...all: Replica[]): boolean {
  return new Set(all.map(({ ledger }) => ledger.foldHash())).size === 1 && all.every(({ ledger }) => ledger.heads().length > 0)
}
