/** The volunteer in a browser tab. */
import { PeerComputeError, type ReasonCode, type RootId } from '@peercompute/job-specs'
import { assembleKernel } from './assemble-kernel.ts'
import { createIdbBlobDisk } from './blobs/idb-blob-disk.ts'
import { createIdbCheckpointDisk } from './checkpoints/idb-checkpoint-disk.ts'
import { systemClock } from '@peercompute/p2p/time'
import { browserComputeWorkers } from './compute/browser.ts'
import { governPage } from './governor/page/govern-page.ts'
import { DEFAULT_PREFERENCES, type Preferences } from './governor/preferences.ts'
import { createIdbIdentityStore } from './identity/idb-identity-store.ts'
import { loadOrCreateIdentity } from './identity/identity.ts'
import { createIdbPinStore } from './network/idb-pin-store.ts'
import { startLibp2pNetwork } from './network/libp2p-network.ts'
import type { NodeKernel } from './node-kernel.ts'
import { createIdbOutboxStore } from './outbox/idb-outbox-store.ts'
import { createWorkerClock } from './page/worker-clock.ts'
import { createIdbLedgerStore } from './state/idb-ledger-store.ts'
import { createWorkerVerifier } from './state/worker-verifier.ts'

export interface BrowserVolunteerOptions {
  /** Base address of the coordinator; by default the origin of the page. */
  readonly coordinator?: string
  readonly root?: RootId
  readonly label?: string
  /** Address of the sandbox document, on the page's own origin. */
  readonly sandboxUrl: string
  /** False leaves the graphics card alone. */
  readonly gpu?: boolean
  /** Processor threads that may ever be lent. By default all. How many are used, the preferences say. */
  readonly cpuSlots?: number
  /** What the owner wants, looked at again with each `reconsider`. By default the defaults of the schema. */
  readonly preferences?: () => Preferences
  /** False for HTTP only. */
  readonly peers?: boolean
  /** Prefix of the IndexedDB databases. */
  readonly databaseName?: string
}

export interface BrowserVolunteer extends NodeKernel {
  /** After a change of the preferences. */
  reconsider(): void
}

/** What keeps this page from computing at all, or null. */
export function pageObstacle(window: Window): ReasonCode | null {
  return window.isSecureContext ? null : 'insecure_origin'
}

/**
 * Measures the executors and puts the volunteer together, governed by the page and the preferences; `start()` begins. Stopping it removes every frame and worker that it made.
 *
 * One tab of a browser profile at a time: two would compute the same leases, and write the same feed. The caller sees to that. It
 * holds the Web Lock `peercompute-computing` from before this call until the state is `stopped`, and a tab that does not get the
 * lock shows what the other does. The lock must not be tied to anything shorter, such as a component of the page.
 *
 * Rejects with KEY_INVALID when the stored identity cannot be used, with INTERNAL when no executor starts.
 */
export async function createBrowserVolunteer(options: BrowserVolunteerOptions): Promise<BrowserVolunteer> {
  const { databaseName } = options
  const identity = await loadOrCreateIdentity(createIdbIdentityStore(databaseName), {
    label: options.label ?? '',
    now: Date.now(),
    extractableHost: false
  })
  const executors = await browserComputeWorkers({
    sandboxUrl: options.sandboxUrl,
    document,
    gpu: options.gpu === false ? undefined : gpuOf(navigator),
    slots: Math.max(1, options.cpuSlots ?? navigator.hardwareConcurrency)
  })
  const timers = startTimers()
  const clock = timers === null ? systemClock : createWorkerClock(timers)
  const verifier = createWorkerVerifier(startVerifier, navigator.hardwareConcurrency)
  const release = () => {
    timers?.terminate()
    verifier.stop()
    executors.close()
  }
  try {
    const { workers, failures } = executors
    if (workers.length === 0) throw new PeerComputeError('INTERNAL', 'No executor starts in this browser', { cause: failures[0] })
    const kernel = await assembleKernel({
      coordinator: options.coordinator ?? location.origin,
      identity,
      workers,
      agent: `peercompute/0.1.0 ${browserName(navigator.userAgent)}`,
      memoryBytes: deviceMemoryBytes(navigator),
      outboxStore: createIdbOutboxStore(databaseName),
      ledgerStore: createIdbLedgerStore(databaseName),
      verifier,
      blobDisk: createIdbBlobDisk(databaseName),
      checkpointDisk: createIdbCheckpointDisk(databaseName),
      pins: createIdbPinStore(databaseName),
      release,
      clock,
      random: Math.random,
      fetch: (input, init) => globalThis.fetch(input, init),
      ...(options.root === undefined ? {} : { root: options.root }),
      ...(options.peers === false ? {} : { startPeers: startLibp2pNetwork })
    })
    const governor = governPage(window, kernel, options.preferences ?? (() => DEFAULT_PREFERENCES), clock)
    return Object.assign(kernel, {
      reconsider: () => {
        governor.reconsider()
      }
    })
  } catch (error) {
    release()
    throw error
  }
}

/** Firefox and older browsers have none, whatever the types say. */
function gpuOf(navigator: Navigator & { readonly gpu?: GPU }): GPU | undefined {
  return navigator.gpu
}

/** Null where the page's policy allows no worker: timers are then slow while the page is hidden, and leases may run out. */
function startTimers(): Worker | null {
  try {
    return new Worker(new URL('./page/clock-worker.ts', import.meta.url), { type: 'module', name: 'peercompute-clock' })
  } catch {
    return null
  }
}

/** Null where the page's policy allows no worker. */
function startVerifier(): Worker | null {
  try {
    return new Worker(new URL('./state/verify-worker.ts', import.meta.url), { type: 'module', name: 'peercompute-verifier' })
  } catch {
    return null
  }
}

function browserName(userAgent: string): string {
  const [, name, version] = /(Firefox|Edg|Chrome|Version)\/(\d+)/.exec(userAgent) ?? []
  const names: Readonly<Record<string, string>> = { Firefox: 'firefox', Edg: 'edge', Chrome: 'chromium', Version: 'safari' }
  return name === undefined ? 'browser' : `${names[name] ?? 'browser'}/${version ?? '0'}`
}

/** What the browser tells, which is rounded and at most 8 GiB; 0 when it tells nothing. */
function deviceMemoryBytes(navigator: Navigator & { readonly deviceMemory?: number }): number {
  return (navigator.deviceMemory ?? 0) * 2 ** 30
}

export * from './index.ts'
export { browserComputeWorkers } from './compute/browser.ts'
export { governPage } from './governor/page/govern-page.ts'
export { probeDataWorker } from './page/probe-data-worker.ts'
export { createIdbIdentityStore } from './identity/idb-identity-store.ts'
export { createIdbOutboxStore } from './outbox/idb-outbox-store.ts'
export { createIdbPinStore } from './network/idb-pin-store.ts'
export { createIdbLedgerStore } from './state/idb-ledger-store.ts'
export { startLibp2pNetwork } from './network/libp2p-network.ts'
export { createWorkerVerifier, type WorkerVerifier } from './state/worker-verifier.ts'
export { shareInMemory } from './state/share-in-memory.ts'
