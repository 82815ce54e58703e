import { hostDescriptionSchema, type RootId } from '@peercompute/job-specs'
import type { LedgerStore, RecordVerifier } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import { createBlobClient } from './blobs/blob-client.ts'
import type { BlobDisk } from './blobs/blob-disk.ts'
import { createBlobStore } from './blobs/blob-store.ts'
import { createMemoryBlobDisk } from './blobs/memory-blob-disk.ts'
import { retainLiveBlobs } from './blobs/retain-live-blobs.ts'
import type { CheckpointDisk } from './checkpoints/checkpoint-disk.ts'
import { adoptLeases, createCheckpointKeeper } from './checkpoints/checkpoint-keeper.ts'
import { createCheckpoints } from './checkpoints/checkpoints.ts'
import { fetchCheckpoint } from './checkpoints/fetch-checkpoint.ts'
import { createMemoryCheckpointDisk } from './checkpoints/memory-checkpoint-disk.ts'
import { createComputeManager } from './compute/compute-manager.ts'
import type { ComputeWorker } from './compute/compute-worker.ts'
import { countingFetch, type ByteCount } from './governor/counting-fetch.ts'
import type { Identity } from './identity/identity.ts'
import { createJobCache } from './jobs/job-cache.ts'
import { createNetworkManager } from './network/network-manager.ts'
import type { StartPeerNetwork } from './network/peer-network.ts'
import type { PinStore } from './network/pin-store.ts'
import { createNodeKernel, type NodeKernel } from './node-kernel.ts'
import { createOutbox, type OutboxStore } from './outbox/outbox.ts'
import { ledgerDownload } from './state/download-ledger.ts'
import { createStateManager } from './state/state-manager.ts'

/** What differs between a tab, a headless volunteer and a test. */
export interface KernelParts {
  /** Base address of the coordinator, e.g. `https://example.org`. */
  readonly coordinator: string
  /** Its root key, when it is known out of band. Without it the first contact is pinned. */
  readonly root?: RootId
  readonly identity: Identity
  /** At least one, each of another kind. */
  readonly workers: readonly ComputeWorker[]
  /** Program and version, e.g. `peercompute/0.1.0 node/24`. */
  readonly agent: string
  readonly memoryBytes: number
  readonly outboxStore: OutboxStore
  readonly ledgerStore: LedgerStore
  /** Where long catch-ups of the ledger are verified. By default in this thread. */
  readonly verifier?: RecordVerifier
  readonly pins: PinStore
  /** Where kernels and inputs are kept, for this host and for others. By default in memory. */
  readonly blobDisk?: BlobDisk
  /** Where saved states of unfinished units and the leases of this host are kept. By default in memory. */
  readonly checkpointDisk?: CheckpointDisk
  readonly clock: Clock
  readonly random: () => number
  readonly fetch: typeof globalThis.fetch
  /** Left out where only HTTP is wanted. */
  readonly startPeers?: StartPeerNetwork
  /** Frees what was taken for this kernel, when it has stopped. */
  readonly release?: () => void | Promise<void>
}

/** Puts a volunteer together. It does nothing before `start()`. */
export async function assembleKernel(parts: KernelParts): Promise<NodeKernel> {
  const { identity, workers, clock, random, coordinator } = parts
  const counted: ByteCount = { total: 0 }
  const fetch = countingFetch(parts.fetch, counted)
  const host = hostDescriptionSchema.parse({
    agent: parts.agent.slice(0, 128),
    executors: workers.map(({ executor }) => executor),
    memoryBytes: parts.memoryBytes
  })
  const outbox = await createOutbox({ store: parts.outboxStore, host: identity.certificate.host })
  const store = createBlobStore({ disk: parts.blobDisk ?? createMemoryBlobDisk() })
  const blobs = createBlobClient({ store, coordinator, fetch, clock, random })
  const state = createStateManager({
    identity,
    store: parts.ledgerStore,
    clock,
    download: ledgerDownload(coordinator, fetch),
    ...(parts.verifier === undefined ? {} : { verifier: parts.verifier })
  })
  const jobs = createJobCache({
    fetchBlob: blobs.fetch,
    isRevoked: (job, author) => state.isRevoked(job, author),
    ready: state.ledger.ready.catch(() => undefined)
  })
  const network = createNetworkManager({
    coordinator,
    identity,
    host,
    clock,
    random,
    fetch,
    pins: parts.pins,
    ...(parts.root === undefined ? {} : { root: parts.root }),
    ...(parts.startPeers === undefined ? {} : { startPeers: parts.startPeers })
  })
  const checkpoints = createCheckpoints({
    disk: parts.checkpointDisk ?? createMemoryCheckpointDisk(),
    fetchForeign: (sha256) => fetchCheckpoint(coordinator, fetch, sha256)
  })
  const keeper = createCheckpointKeeper({ checkpoints, jobs, clock })
  const compute = createComputeManager({ workers, identity, jobs, outbox, clock, random, checkpoints: keeper })
  await adoptLeases(
    checkpoints,
    jobs,
    compute,
    workers.map(({ executor }) => executor.kind)
  )
  network.onSession((session) => {
    keeper.setSession(session)
  })
  const stopRetaining = retainLiveBlobs({ store, ledger: state, jobs, clock })
  let peerBytes = () => 0
  network.onPeerNetwork((peers) => {
    peerBytes = () => peers.bytes
    // without peers the coordinator is asked, as before
    blobs.join(peers).catch(() => undefined)
  })
  return createNodeKernel({
    identity,
    jobs,
    outbox,
    state,
    network,
    bytes: () => counted.total + peerBytes(),
    compute,
    release: async () => {
      stopRetaining()
      await checkpoints.settled()
      await parts.release?.()
    }
  })
}
