/**
 * A relay without a coordinator: peers find each other through it, and it keeps a replica of the ledger for newcomers, so that both
 * go on when the coordinator is away.
 */
import type { RootId } from '@peercompute/job-specs'
import { createLedger } from '@peercompute/ledger'
import { PeerComputeProvider } from '@peercompute/p2p'
import { announceFor, attachRelay, createRelayNode, peerKeyFromSeed, type RelayNode } from '@peercompute/p2p/relay'
import { systemClock, type Clock } from '@peercompute/p2p/time'
import { join } from 'node:path'
import { openDataFolder } from '../config/data-folder.ts'
import { localOrigins } from '../config/origins.ts'
import { readRelayConfig, type RelayConfig, type RelayConfigInput } from '../config/relay-config.ts'
import { takeDown } from '../config/take-down.ts'
import { clientAddressBehind } from '../http/client-address.ts'
import type { Logger } from '../http/components.ts'
import { listen } from '../http/listen.ts'
import { createUpgradeGate } from '../http/upgrade-gate.ts'
import { keySeed, loadOrCreateKey } from '../keys/key-file.ts'
import { openFeedStore } from '../ledger/feed-store.ts'
import { VERSION } from '../version.ts'
import { createRelayApp } from './relay-app.ts'

export interface ServeRelayOptions extends RelayConfigInput {
  readonly logger?: Logger
  readonly clock?: Clock
  /** Before the first client is let in, e.g. to answer further protocols. */
  readonly prepare?: (node: RelayNode) => Promise<void>
  /** PeerIds that are kept out. Asked at each connection. */
  readonly deny?: (peer: string) => boolean
}

export interface RunningRelay {
  readonly url: string
  readonly port: number
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly root: RootId | null
  readonly dataDir: string
  readonly node: RelayNode
  /** Frees port and data folder. Idempotent. */
  close(): Promise<void>
}

/** Throws CONFIG_INVALID, DATA_FOLDER_UNWRITABLE, DATA_FOLDER_LOCKED, KEY_INVALID, PORT_IN_USE; nothing stays open then. */
export async function serveRelay({ logger, clock = systemClock, prepare, deny, ...flags }: ServeRelayOptions): Promise<RunningRelay> {
  const config = readRelayConfig(flags)
  const teardown: (() => unknown)[] = []
  let closing: Promise<void> | null = null
  const close = (): Promise<void> => {
    closing ??= takeDown(teardown)
    return closing
  }
  try {
    return { ...(await start(config, { logger, clock, prepare, deny, teardown })), close }
  } catch (error) {
    await close().catch(() => undefined) // What went wrong first is what the caller must hear.
    throw error
  }
}

interface Surroundings {
  readonly logger: Logger | undefined
  readonly clock: Clock
  readonly prepare: ServeRelayOptions['prepare']
  readonly deny: ServeRelayOptions['deny']
  readonly teardown: (() => unknown)[]
}

async function start(config: RelayConfig, { logger, clock, prepare, deny, teardown }: Surroundings): Promise<Omit<RunningRelay, 'close'>> {
  const onFault = (error: unknown): void => {
    logger?.error({ err: error }, 'unexpected error')
  }
  const root = config.coordinatorRoot ?? null
  const folder = await openDataFolder(config.dataDir)
  teardown.push(() => folder.release())
  const peer = await loadOrCreateKey(join(folder.keys, 'peer.key'))

  const feeds = openFeedStore(folder.feeds, onFault)
  teardown.push(() => {
    feeds.close()
  })
  const ledger = createLedger({ now: () => clock.now(), store: feeds })
  if (root !== null) ledger.follow(root)
  teardown.push(async () => {
    await ledger.saved()
    ledger.close()
  })
  await ledger.ready

  const network = { peerId: '', addresses: [] as readonly string[] }
  const peers = { count: () => 0 }
  const app = await createRelayApp({
    trustProxy: config.trustProxy,
    clock,
    onFault,
    logger,
    info: () => {
      const heads = ledger.heads()
      const records = heads.reduce((sum, { length }) => sum + length, 0)
      const { peerId, addresses } = network
      return { version: VERSION, peerId, addresses: [...addresses], root, peers: peers.count(), feeds: heads.length, records }
    }
  })
  teardown.push(() => app.close())
  const port = await listen(app, config)
  const origins = localOrigins(config.host, port)

  const relay = await createRelayNode({
    peerKey: await peerKeyFromSeed(await keySeed(peer)),
    clock,
    announce: (config.publicUrl === undefined ? origins : [config.publicUrl]).map(announceFor),
    ...(deny === undefined ? {} : { deny })
  })
  teardown.push(() => relay.stop())
  peers.count = () => relay.getPeers().length
  const provider = await PeerComputeProvider.start(relay, ledger, { clock })
  teardown.push(() => provider.stop())
  await prepare?.(relay)
  const addressOf = clientAddressBehind(config.trustProxy)
  teardown.push(attachRelay(app.server, relay, createUpgradeGate({ clock, subnetQuota: config.subnetQuota, addressOf }), addressOf))
  network.peerId = relay.peerId.toString()
  network.addresses = relay.getMultiaddrs().map(String)
  return { url: config.publicUrl ?? origins[0] ?? `http://127.0.0.1:${port}`, port, ...network, root, dataDir: folder.path, node: relay }
}
