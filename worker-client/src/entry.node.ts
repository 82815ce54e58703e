/** The headless volunteer. */
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { PeerComputeError, type RootId } from '@peercompute/job-specs'
import { assembleKernel } from './assemble-kernel.ts'
import { createFolderBlobDisk } from './blobs/folder-blob-disk.ts'
import { createFolderCheckpointDisk } from './checkpoints/folder-checkpoint-disk.ts'
import { systemClock } from '@peercompute/p2p/time'
import type { CageKind } from './cage/cage.ts'
import { openCage } from './cage/open-cage.ts'
import { headlessGpuWorker, nodeComputeWorkers, SlotBudget } from './compute/node.ts'
import { folderBenchmarkStore } from './compute/probe/folder-benchmark-store.ts'
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
  /** Cores that JavaScript and WASM have together: who has work takes what the other leaves. By default all. */
  readonly slots?: number
  /** False: the graphics card is not lent. */
  readonly gpu?: boolean
  /** By default the one that works here. Named and missing: it rejects with CAGE_MISSING. */
  readonly cage?: CageKind
  /** False for HTTP only. */
  readonly peers?: boolean
  /** Where to wait for TCP connections of other volunteers, e.g. `/ip4/0.0.0.0/tcp/0` for the local network. None by default. */
  readonly tcpListen?: readonly string[]
}

export interface NodeVolunteer extends NodeKernel {
  /** Where strangers' JavaScript and WASM run. Null: nowhere, only the reviewed kernels of `kernels/` do. */
  readonly cage: CageKind | null
  /** Sentences about what of this machine is not lent, each with the remedy where there is one. */
  readonly notLent: readonly string[]
}

/**
 * Measures the executors and puts the volunteer together; `start()` begins. Stopping it frees the folder.
 * Rejects with DATA_FOLDER_LOCKED, DATA_FOLDER_UNWRITABLE, KEY_INVALID or CAGE_MISSING.
 */
export async function createNodeVolunteer(options: NodeVolunteerOptions): Promise<NodeVolunteer> {
  const { folder } = options
  const undo: (() => Promise<void>)[] = [await lockFolder(folder)]
  const release = async () => {
    for (const free of undo.splice(0).toReversed()) await free()
  }
  const notLent: string[] = []
  try {
    const identity = await loadOrCreateIdentity(createFolderIdentityStore(folder), {
      label: options.label ?? '',
      now: Date.now(),
      extractableHost: true
    })
    const opened = await openCage(options.cage)
    const cage = opened.kind === null ? null : opened
    if (cage !== null) undo.push(() => cage.close())
    if (opened.kind === null) {
      if (options.cage !== undefined) throw new PeerComputeError('CAGE_MISSING', opened.why)
      notLent.push(`Only the reviewed kernels run here on the CPU. ${opened.why}`)
    }
    const benchmarks = folderBenchmarkStore(folder)
    const gpu = () => headlessGpuWorker({ benchmarks, onAbsent: (why) => notLent.push(`The graphics card is not lent: ${why}.`) })
    const { workers, failures } = await nodeComputeWorkers({
      gpu: options.gpu === false ? null : gpu,
      slots: new SlotBudget(options.slots ?? availableParallelism()),
      cage,
      benchmarks
    })
    undo.push(async () => {
      await Promise.all(workers.map((worker) => worker.stop()))
    })
    if (workers.length === 0) throw new PeerComputeError('INTERNAL', 'No executor starts on this machine', { cause: failures[0] })
    notLent.push(...failures.map((failure) => (failure instanceof Error ? failure.message : String(failure))))
    const kernel = await assembleKernel({
      coordinator: options.coordinator,
      identity,
      workers,
      agent: `peercompute/0.1.0 node/${process.versions.node}`,
      memoryBytes: totalmem(),
      outboxStore: createFolderOutboxStore(join(folder, 'outbox')),
      ledgerStore: createFolderLedgerStore(join(folder, 'ledger')),
      blobDisk: createFolderBlobDisk(join(folder, 'blobs')),
      checkpointDisk: createFolderCheckpointDisk(join(folder, 'checkpoints')),
      pins: createFolderPinStore(folder),
      clock: systemClock,
      random: Math.random,
      fetch: globalThis.fetch,
      release,
      ...(options.root === undefined ? {} : { root: options.root }),
      ...(options.peers === false ? {} : { startPeers: libp2pNetwork({ tcpListen: options.tcpListen ?? [] }) })
    })
    return Object.assign(kernel, { cage: cage?.kind ?? null, notLent })
  } catch (error) {
    await release()
    throw error
  }
}

export * from './index.ts'
export { createFolderCheckpointDisk } from './checkpoints/folder-checkpoint-disk.ts'
export { createFolderIdentityStore } from './identity/folder-identity-store.ts'
export { createFolderOutboxStore } from './outbox/folder-outbox-store.ts'
export { createFolderPinStore } from './network/folder-pin-store.ts'
export { createFolderLedgerStore } from './state/folder-ledger-store.ts'
export * from './compute/node.ts'
export { createWebGPUWorker } from './compute/webgpu/create-webgpu-worker.ts'
export { inProcessChannel } from './compute/webgpu/in-process-channel.ts'
export { nodeGpuClock } from './compute/webgpu/node-gpu-clock.ts'
export { governProcess } from './governor/node/govern-process.ts'
export { systemSignals, type SystemSignals, type SystemSignalsOptions } from './governor/node/system-signals.ts'
export { lockFolder } from './storage/folder-lock.ts'
export { startLibp2pNetwork } from './network/libp2p-network.ts'
