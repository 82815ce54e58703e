/** One process, one port: assembles store, core, ledger, relay and pages, and takes them down in the opposite order. */
import { PeerComputeError, type RootId } from '@peercompute/job-specs'
import { WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { groupRelays, handleChannel, PeerComputeProvider, superviseRelays } from '@peercompute/p2p'
import { announceFor, attachRelay, createRelayNode, disconnect, peerKeyFromSeed } from '@peercompute/p2p/relay'
import { sleep, systemClock, type Clock } from '@peercompute/p2p/time'
import { createOperator, type Operator } from './access/operator.ts'
import { createAccessStore } from './access/sqlite-access-store.ts'
import { createApp } from './app.ts'
import { createAwaitedBlobs } from './blobs/awaited-blobs.ts'
import { openBlobFolder } from './blobs/blob-folder.ts'
import { expectAgain } from './blobs/expect-again.ts'
import { createCheckpointShelf, withCheckpoints } from './checkpoints/checkpoint-shelf.ts'
import { storeLibraryBlobs } from './blobs/library-blobs.ts'
import { openDataFolder } from './config/data-folder.ts'
import { localOrigins } from './config/origins.ts'
import { takeDown } from './config/take-down.ts'
import { readServeConfig, type ServeConfig, type ServeConfigInput } from './config/serve-config.ts'
import type { Coordinator } from './coordinator.ts'
import { closedUntil } from './engine/closed-until.ts'
import { auditDaily } from './credit/credit-audit.ts'
import { createCreditDesk } from './credit/credit-desk.ts'
import { createTeamStore } from './credit/team-store.ts'
import { createCoordinator } from './engine/coordinator.ts'
import { createUnpredictable } from './engine/unpredictable.ts'
import type { ClientPlace, Logger, SandboxPage } from './http/components.ts'
import { clientAddressBehind } from './http/client-address.ts'
import { listen } from './http/listen.ts'
import { createUpgradeGate } from './http/upgrade-gate.ts'
import { loadAdminToken } from './keys/admin-token.ts'
import { loadCoordinatorKeys } from './keys/coordinator-keys.ts'
import { keySeed } from './keys/key-file.ts'
import { createDiskGuard } from './durability/disk-guard.ts'
import { guardedBlobs } from './durability/guarded-blobs.ts'
import { openFeedStore } from './ledger/feed-store.ts'
import { openLedgerPart, type LedgerPart } from './ledger/ledger-part.ts'
import type { Restored } from './ledger/restore-jobs.ts'
import { createMetrics } from './metrics/metrics.ts'
import { createTotals } from './metrics/totals.ts'
import { startRelayPool, type RelayPlace, type RelayView } from './relay/relay-pool.ts'
import { openSqliteStore } from './store/sqlite-store.ts'
import { createCagedComparison } from './verify/caged-comparison.ts'
import { createReceiptBook } from './receipts/receipt-book.ts'
import { createThreadJudge } from './verify/thread-judge.ts'
import { createFloodGuard } from './work/flood-guard.ts'
import { createWorkServer } from './work/work-server.ts'
import { WORK_STREAMS_PER_CONNECTION } from './work/work-streams.ts'
import { checkKernels, type KernelCheck } from './wgsl/check-kernels.ts'

export interface ServeOptions extends ServeConfigInput {
  /** Document and headers of `/sandbox.html`. */
  readonly sandboxPage?: () => Promise<SandboxPage>
  /** Compiles uploaded WGSL before its job begins. Without it, kernels go out unread. */
  readonly kernelCheck?: KernelCheck
  readonly logger?: Logger
  readonly clock?: Clock
}

export interface RunningServer {
  /** Where to open it: the public URL, or the first local origin. */
  readonly url: string
  readonly port: number
  readonly root: RootId
  readonly peerId: string
  /** What libp2p clients dial. */
  readonly addresses: readonly string[]
  readonly dataDir: string
  /** Relay processes as they were at the start; none by default. */
  readonly relays: readonly RelayView[]
  /** The admin token at the first start, null afterwards. Show it once. */
  readonly adminToken: string | null
  /** True when requests of this machine need no token. Say so. */
  readonly openOnLoopback: boolean
  readonly coordinator: Coordinator
  readonly operator: Operator
  /** Null unless its database is lost and it waits for peers to bring the ledger. Resolves when it takes work again. */
  readonly recovered: Promise<Restored> | null
  /** What the operator should know, in sentences. */
  readonly warnings: readonly string[]
  /** Takes no more work, writes what is under way, frees port and data folder. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a coordinator.
 * Throws CONFIG_INVALID, DATA_FOLDER_UNWRITABLE, DATA_FOLDER_LOCKED, KEY_INVALID, PORT_IN_USE; nothing stays open then.
 */
export async function serve({ sandboxPage, kernelCheck, logger, clock = systemClock, ...flags }: ServeOptions): Promise<RunningServer> {
  const config = readServeConfig(flags)
  const teardown: (() => unknown)[] = []
  let closing: Promise<void> | null = null
  const close = (): Promise<void> => {
    closing ??= takeDown(teardown)
    return closing
  }
  try {
    return await start(config, { sandboxPage, kernelCheck, logger, clock, teardown, close })
  } catch (error) {
    await close().catch(() => undefined) // What went wrong first is what the caller must hear.
    throw error
  }
}

/** Reports are still taken. */

interface Surroundings {
  readonly sandboxPage: ServeOptions['sandboxPage']
  readonly kernelCheck: KernelCheck | undefined
  readonly logger: Logger | undefined
  readonly clock: Clock
  readonly teardown: (() => unknown)[]
  readonly close: () => Promise<void>
}

async function start(
  config: ServeConfig,
  { sandboxPage, kernelCheck, logger, clock, teardown, close }: Surroundings
): Promise<RunningServer> {
  const onFault = (error: unknown): void => {
    logger?.error({ err: error }, 'unexpected error')
  }
  const folder = await openDataFolder(config.dataDir)
  teardown.push(() => folder.release())
  const keys = await loadCoordinatorKeys(folder.keys, clock.now())
  const adminToken = await loadAdminToken(folder.keys)
  const disk = createDiskGuard({
    folder: folder.path,
    clock,
    minFree: config.minFree,
    onAlarm: (alarm) => {
      if (alarm !== null) logger?.error(alarm)
      else {
        logger?.warn('there is room on the disk again, and work is given out')
        store.resumeMoving()
      }
    },
    onFault
  })
  teardown.push(() => {
    disk.close()
  })
  const states = guardedBlobs(await openBlobFolder(folder.checkpoints), disk)
  const blobs = guardedBlobs(await openBlobFolder(folder.blobs), disk)
  const reviewed = await storeLibraryBlobs(blobs)
  const awaited = createAwaitedBlobs()

  const store = openSqliteStore(folder.database, { segments: folder.segments, makeRoom: () => disk.makeRoom(), onFault })
  const judge = createThreadJudge({ readBlob: (sha256) => blobs.read(sha256), random: createUnpredictable() })
  teardown.push(() => judge.close())
  const comparison = createCagedComparison({ readBlob: (sha256) => blobs.readSync(sha256) })
  teardown.push(() => comparison.close())
  const unchecked = createCoordinator({
    store,
    onFault,
    judge,
    custom: comparison.compare,
    now: () => clock.now(),
    random: createUnpredictable(),
    hasBlob: async (sha256) => (await blobs.size(sha256)) !== null,
    checkpoints: createCheckpointShelf(states),
    policy: () => ({
      leasing: disk.roomy,
      openJobsPerAuthor: config.openJobs,
      openUnitsPerAuthor: config.openUnits,
      subnetShare: config.subnetShare
    })
  })
  teardown.push(() => unchecked.close())
  const coordinator =
    kernelCheck === undefined
      ? unchecked
      : checkKernels(unchecked, {
          check: kernelCheck,
          blobs,
          reviewed,
          onUnchecked: (job, why) => {
            logger?.warn({ job, why }, 'a WGSL kernel goes out unchecked')
          }
        })
  await disk.start()
  await expectAgain(coordinator, blobs, awaited)
  const ledgerOpened = Promise.withResolvers<LedgerPart>()
  const operator = createOperator({
    store: createAccessStore(store),
    audit: store,
    coordinator,
    keys,
    adminToken,
    newResearchers: config.newResearchers ?? (config.publicUrl === undefined ? 'admit' : 'ask'),
    announce: async (revocation) => (await ledgerOpened.promise).announce(revocation),
    now: () => clock.now()
  })
  const metrics = createMetrics(coordinator, disk)
  const totals = createTotals(coordinator)
  const credit = createCreditDesk({ coordinator, store: createTeamStore(store), keys, clock })
  metrics.followCreditAudit(() => credit.finding())
  const auditing = new AbortController()
  teardown.push(() => {
    auditing.abort()
  })
  void auditDaily({
    coordinator,
    audit: store,
    now: () => clock.now(),
    pause: (ms) => sleep(clock, ms, auditing.signal),
    onFinding: (finding) => {
      credit.found(finding)
      if (finding.difference !== 0) logger?.error(finding, 'credit is not the sum over settled units')
    },
    onFault
  })
  teardown.push(() => {
    metrics.close()
    totals.close()
  })

  const feeds = openFeedStore(folder.feeds, onFault)
  teardown.push(() => {
    feeds.close()
  })
  const receipts = createReceiptBook({ coordinator, keys, clock })
  const memory = await openLedgerPart({
    coordinator,
    keys,
    operator,
    store: feeds,
    awaited,
    metrics,
    totals,
    clock,
    logger,
    onFault,
    receipts,
    recover: config.recover,
    recoverFrom: config.recoverFrom
  })
  teardown.push(() => memory.close())
  ledgerOpened.resolve(memory)
  const { ledger } = memory
  const taking = closedUntil(() => memory.isOpen(), coordinator)

  const work = createWorkServer({ coordinator: taking, keys, clock, metrics, proofOfWorkBits: config.proofOfWork, onFault })
  const network = { peerId: '', addresses: [] as readonly string[] }
  let placeFor: (client: ClientPlace) => RelayPlace | null = () => null
  let ready = false
  const app = await createApp({
    coordinator: taking,
    work,
    blobs: withCheckpoints(blobs, states),
    awaited,
    keys,
    operator,
    credit,
    ledger,
    receipts,
    metrics,
    totals,
    clock,
    onFault,
    sandboxPage,
    logger,
    network: (client) => placeFor(client) ?? network,
    ready: () => ready && memory.isOpen(),
    alarm: () => disk.alarm,
    publicUrl: config.publicUrl,
    trustProxy: config.trustProxy,
    relays: config.alsoRelay,
    iceServers: config.iceServers,
    dashboardDir: config.dashboardDir
  })
  teardown.push(() => app.close())
  const port = await listen(app, config)
  const origins = localOrigins(config.host, port)

  let cutAtRelays: (peer: string, why: string) => void = () => undefined
  const guard = createFloodGuard(clock, (peer) => {
    const why = 'too many messages that led to nothing'
    disconnect(relay, peer, new PeerComputeError('RATE_LIMITED', why))
    cutAtRelays(peer, why)
  })
  const relay = await createRelayNode({
    deny: (peer) => guard.isOut(peer),
    peerKey: await peerKeyFromSeed(await keySeed(keys.peer)),
    clock,
    announce: (config.publicUrl === undefined ? origins : [config.publicUrl]).map(announceFor)
  })
  teardown.push(() => relay.stop())
  teardown.push(() => work.close())
  await handleChannel(
    relay,
    WORK_PROTOCOL,
    { limit: WORK_FRAME_MAX_BYTES, maxInboundStreams: WORK_STREAMS_PER_CONNECTION },
    (channel, { subnet }) => work.serve(guard.watch(channel), subnet)
  )
  const provider = await PeerComputeProvider.start(relay, ledger, { clock })
  teardown.push(() => provider.stop())
  const addressOf = clientAddressBehind(config.trustProxy)
  teardown.push(attachRelay(app.server, relay, createUpgradeGate({ clock, subnetQuota: config.subnetQuota, addressOf }), addressOf))
  const others = superviseRelays(relay, groupRelays(config.alsoRelay), { clock })
  teardown.push(() => {
    others.stop()
  })
  network.peerId = relay.peerId.toString()
  network.addresses = relay.getMultiaddrs().map(String)
  const relays = await startRelayPool({
    config,
    port,
    dataDir: folder.path,
    root: keys.certificate.root,
    scheduler: network,
    serve: (channel, subnet) => work.serve(guard.watch(channel), subnet),
    clock,
    random: Math.random,
    onTrouble: (sentence) => {
      logger?.warn(sentence)
    }
  })
  teardown.push(() => relays.close())
  metrics.followRelays(() => relays.relays)
  cutAtRelays = (peer, why) => {
    relays.cut(peer, why)
  }
  placeFor = ({ address, near }) => relays.placeFor(address, near)
  ready = true
  teardown.push(() => {
    ready = false
  })

  return {
    url: config.publicUrl ?? origins[0] ?? `http://127.0.0.1:${port}`,
    port,
    root: keys.certificate.root,
    ...network,
    dataDir: folder.path,
    adminToken: adminToken.fresh,
    openOnLoopback: config.publicUrl === undefined,
    relays: relays.relays,
    coordinator: taking,
    operator,
    recovered: memory.recovered,
    warnings: [
      ...memory.warnings,
      ...(kernelCheck?.unavailable ? [`Uploaded WGSL is not compiled before volunteers get it. ${kernelCheck.unavailable}`] : [])
    ],
    close
  }
}
