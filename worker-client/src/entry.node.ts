/** The headless volunteer. */
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { isKnownKernel } from '@peercompute/kernels'
import { PeerComputeError, type KernelRef, type RootId } from '@peercompute/job-specs'
import { assembleKernel } from './assemble-kernel.ts'
import { createFolderBlobDisk } from './blobs/folder-blob-disk.ts'
import { systemClock } from '@peercompute/p2p/time'
import { nodeComputeWorkers } from './compute/node.ts'
import { createFolderIdentityStore } from './identity/folder-identity-store.ts'
import { loadOrCreateIdentity } from './identity/identity.ts'
import { createFolderPinStore } from './network/folder-pin-store.ts'
import { libp2pNetwork } from './network/libp2p-network.ts'
import type { NodeKernel } from './node-kernel.ts'
import { createFolderOutboxStore } from './outbox/folder-outbox-store.ts'
import { createFolderLedgerStore } from './state/folder-ledger-store.ts'
import { lockFolder } from './storage/folder-lock.ts'

export interface NodeVolunteerOptions {
  readonly coordinator: string
  /** Holds identity, outbox, ledger and pins of this volunteer. One running program a folder. */
  readonly folder: string
  readonly root?: RootId
  /** Public name of this machine. None by default: a host name tells strangers too much. */
  readonly label?: string
  /** Threads of each CPU executor. By default half of the cores each, so that both together use the machine. */
  readonly slots?: number
  /** From the npm package `webgpu`: `create([])`. Left out, only the CPU is lent. */
  readonly gpu?: GPU
  /** Threads are no sandbox: by default only the reviewed kernels of `kernels/` run. */
  readonly admit?: (kernel: KernelRef) => boolean
  /** False for HTTP only. */
  readonly peers?: boolean
  /** Where to wait for TCP connections of other volunteers, e.g. `/ip4/0.0.0.0/tcp/0` for the local network. None by default. */
  readonly tcpListen?: readonly string[]
}

/**
 * Measures the executors and puts the volunteer together; `start()` begins. Stopping it frees the folder.
 * Rejects with DATA_FOLDER_LOCKED, DATA_FOLDER_UNWRITABLE or KEY_INVALID.
 */
export async function createNodeVolunteer(options: NodeVolunteerOptions): Promise<NodeKernel> {
  const { folder, admit = isKnownKernel } = options
  const unlock = await lockFolder(folder)
  try {
    const identity = await loadOrCreateIdentity(createFolderIdentityStore(folder), {
      label: options.label ?? '',
      now: Date.now(),
      extractableHost: true
    })
    const slots = options.slots ?? Math.max(1, Math.floor(availableParallelism() / 2))
    const { workers, failures } = await nodeComputeWorkers({ gpu: options.gpu, slots, admit })
    if (workers.length === 0) throw new PeerComputeError('INTERNAL', 'No executor starts on this machine', { cause: failures[0] })
    return await assembleKernel({
      coordinator: options.coordinator,
      identity,
      workers,
      agent: `peercompute/0.1.0 node/${process.versions.node}`,
      memoryBytes: totalmem(),
      outboxStore: createFolderOutboxStore(join(folder, 'outbox')),
      ledgerStore: createFolderLedgerStore(join(folder, 'ledger')),
      blobDisk: createFolderBlobDisk(join(folder, 'blobs')),
      pins: createFolderPinStore(folder),
      clock: systemClock,
      random: Math.random,
      fetch: globalThis.fetch,
      release: unlock,
      ...(options.root === undefined ? {} : { root: options.root }),
      ...(options.peers === false ? {} : { startPeers: libp2pNetwork({ tcpListen: options.tcpListen ?? [] }) })
    })
  } catch (error) {
    await unlock()
    throw error
  }
}

export * from './index.ts'
export { createFolderIdentityStore } from './identity/folder-identity-store.ts'
export { createFolderOutboxStore } from './outbox/folder-outbox-store.ts'
export { createFolderPinStore } from './network/folder-pin-store.ts'
export { createFolderLedgerStore } from './state/folder-ledger-store.ts'
export * from './compute/node.ts'
export { createWebGPUWorker } from './compute/webgpu/create-webgpu-worker.ts'
export { inProcessChannel } from './compute/webgpu/in-process-channel.ts'
export { lockFolder } from './storage/folder-lock.ts'
export { startLibp2pNetwork } from './network/libp2p-network.ts'
