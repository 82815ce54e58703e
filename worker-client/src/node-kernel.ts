/**
 * The volunteer as a whole. One life cycle, one place where the state changes:
 *
 *   offline     made, not started
 *   connecting  looking for the coordinator, nothing to compute
 *   idle        connected, nothing to compute; `reason` says why
 *   computing   at least one executor works; a lost connection does not end that
 *   suspended   held back by its owner or by the governor; `reason` is the weightiest cause, and all of them must end
 *   finishing   computes what it holds and delivers every result, then stops
 *   stopped     for good: a new start is a new NodeKernel
 */
import { PeerComputeError, type AccountId, type HostId, type JobId, type JobSpec, type ReasonCode } from '@peercompute/job-specs'
import type { ComputeManager, ExecutorView, UnitEvent } from './compute/compute-manager.ts'
import { FULL_LENDING, type Lending } from './compute/compute-worker.ts'
import type { Governance } from './governor/governance.ts'
import type { Identity } from './identity/identity.ts'
import type { JobCache } from './jobs/job-cache.ts'
import { createListeners } from './listeners.ts'
import type { NetworkManager, NetworkState } from './network/network-manager.ts'
import type { Outbox } from './outbox/outbox.ts'
import type { StateManager } from './state/state-manager.ts'

export const kernelStates = ['offline', 'connecting', 'idle', 'computing', 'suspended', 'finishing', 'stopped'] as const
export type KernelState = (typeof kernelStates)[number]

const NEXT: Readonly<Record<KernelState, readonly KernelState[]>> = {
  offline: ['connecting', 'suspended', 'stopped'],
  connecting: ['idle', 'computing', 'suspended', 'finishing', 'stopped'],
  idle: ['connecting', 'computing', 'suspended', 'finishing', 'stopped'],
  computing: ['connecting', 'idle', 'suspended', 'finishing', 'stopped'],
  suspended: ['connecting', 'idle', 'computing', 'finishing', 'stopped'],
  finishing: ['stopped'],
  stopped: []
}

export interface NodeKernelInit {
  readonly identity: Identity
  readonly network: NetworkManager
  readonly compute: ComputeManager
  readonly state: StateManager
  readonly jobs: JobCache
  readonly outbox: Outbox
  /** Sent and received so far. Left out, nothing is counted. */
  readonly bytes?: () => number
  /** Frees what was taken for this kernel, when it has stopped. */
  readonly release: () => void | Promise<void>
}

export interface CurrentJob {
  readonly id: JobId
  readonly title: string
  readonly researcher: string
  readonly description: string
}

export interface KernelSnapshot {
  readonly state: KernelState
  readonly reason: ReasonCode | null
  /** Every cause to rest, the weightiest first; empty while none holds. */
  readonly suspended: readonly ReasonCode[]
  /** Why the graphics card alone rests, or null. */
  readonly gpuSuspended: ReasonCode | null
  /** How much may be used while nothing is suspended. */
  readonly lending: Lending
  readonly executors: readonly ExecutorView[]
  readonly currentJobs: readonly CurrentJob[]
  /** Units computed since the start. */
  readonly unitsDone: number
  /** Results that the coordinator took. */
  readonly unitsAccepted: number
  /** Reports that wait for an answer. */
  readonly reportsWaiting: number
  readonly account: AccountId
  readonly host: HostId
  readonly network: NetworkState
}

export interface UnitDone extends UnitEvent {
  readonly spec: JobSpec
}

export interface NodeKernel extends AsyncDisposable {
  readonly state: StateManager
  readonly network: NetworkManager
  snapshot(): KernelSnapshot
  start(): void
  /** Rests because its owner says so, until `resume`. */
  pause(): void
  resume(): void
  /** Carries out what the governor decides, before the start too. By default everything is lent. */
  govern(governance: Governance): void
  /** At least one executor works. */
  readonly computing: boolean
  /** Sent and received so far, as far as it is counted: bodies over HTTP, and all of the peer-to-peer network. */
  readonly bytes: number
  /** Resolves when everything held is computed and answered, and the kernel has stopped. An abort stops it at once. */
  finish(signal?: AbortSignal): Promise<void>
  /** Gives unfinished work back; undelivered results stay in the outbox. Idempotent. */
  stop(): Promise<void>
  /** Connect now instead of at the end of the pause. */
  retryNow(): void
  /** At most once a turn of the event loop. */
  onChange(listener: (snapshot: KernelSnapshot) => void): () => void
  /** Each computed unit with its value, e.g. for a live picture. */
  onUnit(listener: (unit: UnitDone) => void): () => void
}

export function createNodeKernel(init: NodeKernelInit): NodeKernel {
  const { identity, network, compute, state: stateManager, jobs, outbox } = init
  const changes = createListeners<KernelSnapshot>()
  const units = createListeners<UnitDone>()
  let paused = false
  let governance: Governance = { suspended: [], gpuSuspended: null, lending: FULL_LENDING }
  let state: KernelState = 'offline'
  let announced = true
  let stopping: Promise<void> | null = null

  const announce = () => {
    if (!announced) return
    announced = false
    queueMicrotask(() => {
      announced = true
      changes.emit(snapshot())
    })
  }
  const suspended = (): readonly ReasonCode[] => (paused ? ['user_paused', ...governance.suspended] : governance.suspended)
  const isComputing = () => (state === 'computing' || state === 'finishing') && compute.executors().some(({ busyUnits }) => busyUnits > 0)
  const enter = (next: KernelState) => {
    if (next === state) return
    if (!NEXT[state].includes(next)) throw new PeerComputeError('INTERNAL', `The kernel cannot go from "${state}" to "${next}"`)
    state = next
  }
  /** Lets the state follow what is the case. */
  const settle = () => {
    if (state !== 'offline' && state !== 'finishing' && state !== 'stopped') {
      const busy = compute.executors().some(({ busyUnits }) => busyUnits > 0)
      if (suspended().length > 0) enter('suspended')
      else if (busy) enter('computing')
      else enter(network.state.connection === 'connected' ? 'idle' : 'connecting')
    }
    announce()
  }

  const reasonNow = (): ReasonCode | null => {
    if (state === 'suspended') return suspended()[0] ?? null
    if (state === 'finishing' || state === 'stopped') return 'shutting_down'
    if (state === 'idle') return compute.executors().find(({ reason }) => reason !== null)?.reason ?? null
    if (state !== 'connecting') return null
    const { error } = network.state
    if (error === null) return null
    return error.code === 'PROTOCOL_UNSUPPORTED' ? 'client_outdated' : 'network_offline'
  }
  const snapshot = (): KernelSnapshot => {
    const executors = compute.executors()
    const current = new Set(executors.flatMap(({ job }) => (job === null ? [] : [job])))
    return {
      state,
      reason: reasonNow(),
      suspended: suspended(),
      gpuSuspended: governance.gpuSuspended,
      lending: governance.lending,
      executors,
      network: network.state,
      currentJobs: [...current].flatMap((id) => {
        const spec = jobs.spec(id)
        return spec === undefined ? [] : [{ id, title: spec.title, researcher: spec.researcher, description: spec.description }]
      }),
      unitsDone: compute.unitsDone,
      unitsAccepted: compute.answers.get('accepted') ?? 0,
      reportsWaiting: outbox.items().length,
      account: identity.certificate.account,
      host: identity.certificate.host
    }
  }

  const unsubscribe = [
    network.onSession((session) => {
      compute.setSession(session)
    }),
    network.onStop(({ job, epoch }) => {
      compute.cancel(job, epoch)
    }),
    network.onNudge(() => {
      compute.nudge()
    }),
    network.onPeerNetwork((peers) => {
      stateManager.share(peers).catch(() => undefined)
    }),
    network.onState(({ root }) => {
      if (root !== null) stateManager.follow(root)
      settle()
    }),
    compute.onChange(settle),
    compute.onUnit((event) => {
      const spec = jobs.spec(event.job)
      if (spec !== undefined) units.emit({ ...event, spec })
    }),
    stateManager.onRevoked(() => {
      for (const job of jobs.dropRevoked()) compute.cancel(job)
    }),
    stateManager.onChange(announce),
    outbox.onChange(announce)
  ]

  const applySuspensions = () => {
    if (state === 'offline' || state === 'finishing' || state === 'stopped') return
    if (suspended().length > 0) compute.pause()
    else compute.resume()
    settle()
  }

  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await compute.stop()
      await network.stop()
      for (const end of unsubscribe) end()
      await stateManager.ledger.saved()
      stateManager.stop()
      await init.release()
      enter('stopped')
      announce()
    })()
    return stopping
  }

  return {
    state: stateManager,
    network,
    snapshot,
    start() {
      if (state !== 'offline') throw new PeerComputeError('INTERNAL', `The kernel was started in state "${state}"`)
      enter('connecting')
      applySuspensions()
      void stateManager.fetchLedger()
      network.start()
    },
    pause() {
      paused = true
      applySuspensions()
    },
    resume() {
      paused = false
      applySuspensions()
    },
    govern(next) {
      governance = next
      compute.govern(next)
      applySuspensions()
      announce()
    },
    get computing() {
      return isComputing()
    },
    get bytes() {
      return init.bytes?.() ?? 0
    },
    async finish(signal = new AbortController().signal) {
      if (state !== 'offline' && state !== 'stopped' && stopping === null) {
        enter('finishing')
        announce()
        await compute.finish(signal).catch(() => undefined)
      }
      await stop()
    },
    stop,
    retryNow: () => {
      network.retryNow()
    },
    onChange: changes.on,
    onUnit: units.on,
    [Symbol.asyncDispose]: stop
  }
}
