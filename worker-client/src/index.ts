/** The volunteer as a library without a user interface: what runs on every platform. See `./browser` and `./node` for the rest. */
export { assembleKernel, type KernelParts } from './assemble-kernel.ts'
export {
  createNodeKernel,
  kernelStates,
  type CurrentJob,
  type KernelSnapshot,
  type KernelState,
  type NodeKernel,
  type NodeKernelInit,
  type UnitDone
} from './node-kernel.ts'
export {
  createComputeManager,
  type ComputeManager,
  type ComputeManagerInit,
  type ExecutorView,
  type ReportEvent,
  type UnitEvent
} from './compute/compute-manager.ts'
export type { ComputeWorker, PreparedJob, UnitOutcome, UnitRange } from './compute/compute-worker.ts'
export { createNetworkManager, type NetworkManager, type NetworkManagerInit, type NetworkState } from './network/network-manager.ts'
export type { NetworkTrials, PeerNetwork, StartPeerNetwork, TestMessage } from './network/peer-network.ts'
export { createMemoryPinStore, type PinStore } from './network/pin-store.ts'
export { ledgerDownload, type DownloadLedger } from './state/download-ledger.ts'
export { createStateManager, type StateManager, type StateManagerInit } from './state/state-manager.ts'
export { createJobCache, type JobCache, type Preparation } from './jobs/job-cache.ts'
export { createBlobClient, type BlobClient, type FetchBlob } from './blobs/blob-client.ts'
export { createBlobStore, BLOB_STORE_MAX_BYTES, type BlobStore, type BlobWriter } from './blobs/blob-store.ts'
export { createMemoryBlobDisk } from './blobs/memory-blob-disk.ts'
export type { BlobDisk, KeptBlob } from './blobs/blob-disk.ts'
export { createOutbox, type Outbox, type OutboxItem, type OutboxStore } from './outbox/outbox.ts'
export { createMemoryOutboxStore } from './outbox/memory-outbox-store.ts'
export {
  createIdentity,
  exportIdentity,
  importIdentity,
  loadOrCreateIdentity,
  type Identity,
  type IdentityStore,
  type NewIdentityOptions
} from './identity/identity.ts'
export { openWorkSession, type WorkSession, type WorkSessionInit } from './work/work-session.ts'
export { createHttpWorkChannel } from './work/http-work-channel.ts'
export type { WorkChannel } from './work/work-channel.ts'
export { createGate, sleepUntilOpen, type Gate } from './gate.ts'
export { createListeners, type Listeners } from './listeners.ts'
export { systemClock, type Clock } from '@peercompute/p2p/time'
