/**
 * Keeps one work session open, for ever.
 *
 *   connecting   asks the coordinator who it is, checks that against the pinned root, opens a channel: libp2p, else HTTP
 *   connected    a session is open; over HTTP, libp2p is tried again from time to time and taken when it works
 *   offline      waits: full jitter, capped, without end; `retryNow` cuts the wait short
 *   stopped
 *
 * The peer-to-peer network starts from what the coordinator said last time, so that a client whose coordinator is away meets the
 * others through further relays: ledger and discovery go on.
 */
import {
  PeerComputeError,
  type CoordinatorInfo,
  type HostDescription,
  type JobId,
  type ReasonCode,
  type RootId
} from '@peercompute/job-specs'
import { backoffDelay, type Backoff, type Clock } from '@peercompute/p2p/time'
import { withDeadline } from '../deadline.ts'
import { createGate, sleepUntilOpen } from '../gate.ts'
import type { Identity } from '../identity/identity.ts'
import { createListeners } from '../listeners.ts'
import { COORDINATOR_BACKOFF } from '../reconnect-backoff.ts'
import { createHttpWorkChannel } from '../work/http-work-channel.ts'
import type { WorkChannel } from '../work/work-channel.ts'
import { openWorkSession, type WorkSession } from '../work/work-session.ts'
import { fetchCoordinatorInfo, trustedRoot } from './coordinator-info.ts'
import type { PeerNetwork, StartPeerNetwork } from './peer-network.ts'
import type { PinStore } from './pin-store.ts'

const INFO_TIMEOUT_MS = 10_000
/** Loading and starting libp2p, dialling the relay, opening the stream. */
const CHANNEL_TIMEOUT_MS = 10_000
/** A session that lived so long was a good one: the next failure starts the backoff anew. */
const GOOD_SESSION_MS = 10_000
const UPGRADE_BACKOFF: Backoff = { baseMs: 60_000, capMs: 900_000 }

export interface NetworkManagerInit {
  /** Base address of the coordinator, e.g. `https://example.org`. */
  readonly coordinator: string
  /** Root key given out of band. Without it the first contact is believed and pinned. */
  readonly root?: RootId
  readonly pins: PinStore
  readonly identity: Identity
  readonly host: HostDescription
  readonly clock: Clock
  readonly random: () => number
  readonly fetch: typeof globalThis.fetch
  /** Left out where only HTTP is wanted. */
  readonly startPeers?: StartPeerNetwork
}

export interface NetworkState {
  readonly connection: 'offline' | 'connecting' | 'connected' | 'stopped'
  readonly transport: 'libp2p' | 'http' | null
  readonly info: CoordinatorInfo | null
  /** Whether `info` is of now, or what the coordinator said another time: it has not been reached since the start. */
  readonly infoFrom: 'coordinator' | 'memory' | null
  readonly root: RootId | null
  /** What ended the last session or attempt. */
  readonly error: PeerComputeError | null
  /** PeerIds that this node is connected to. */
  readonly peers: readonly string[]
}

export interface NetworkManager {
  readonly state: NetworkState
  start(): void
  retryNow(): void
  stop(): Promise<void>
  onState(listener: (state: NetworkState) => void): () => void
  /** Null when the session is lost. */
  onSession(listener: (session: WorkSession | null) => void): () => void
  /** The peer-to-peer network that runs now. */
  peerNetwork(): PeerNetwork | null
  onPeerNetwork(listener: (network: PeerNetwork) => void): () => void
  /** `epoch`: only that lease of the job. */
  onStop(listener: (stop: { readonly job: JobId; readonly why: ReasonCode; readonly epoch?: number }) => void): () => void
  onNudge(listener: () => void): () => void
}

interface OpenSession {
  readonly session: WorkSession
  readonly transport: 'libp2p' | 'http'
}

export function createNetworkManager(init: NetworkManagerInit): NetworkManager {
  const { clock, coordinator } = init
  const states = createListeners<NetworkState>()
  const sessions = createListeners<WorkSession | null>()
  const networks = createListeners<PeerNetwork>()
  const stops = createListeners<{ readonly job: JobId; readonly why: ReasonCode; readonly epoch?: number }>()
  const nudges = createListeners<undefined>()
  const stopped = new AbortController()
  const retry = createGate()
  const relayCame = createGate()
  let state: NetworkState = { connection: 'offline', transport: null, info: null, infoFrom: null, root: null, error: null, peers: [] }
  let peers: { readonly network: Promise<PeerNetwork>; readonly addresses: string } | null = null
  const running = new Set<PeerNetwork>()
  let loop: Promise<void> = Promise.resolve()

  const setState = (change: Partial<NetworkState>) => {
    state = { ...state, ...change }
    states.emit(state)
  }

  /** Starts the peer-to-peer network once, and again when the coordinator names other addresses. */
  const peersFor = (info: CoordinatorInfo, start: StartPeerNetwork): Promise<PeerNetwork> => {
    const addresses = JSON.stringify([info.addresses, info.relays, info.iceServers])
    if (peers?.addresses === addresses) return peers.network
    const old = peers
    const network = (async () => {
      await old?.network.then(
        async (before) => {
          running.delete(before)
          await before.stop()
        },
        () => undefined
      )
      const started = await start(info)
      if (stopped.signal.aborted) {
        await started.stop()
        stopped.signal.throwIfAborted()
      }
      running.add(started)
      started.onPeers(() => {
        setState({ peers: started.peers() })
        if (state.info !== null && state.peers.includes(state.info.peerId)) relayCame.open()
      })
      networks.emit(started)
      return started
    })()
    const starting = { addresses, network }
    peers = starting
    network.catch(() => {
      if (peers === starting) peers = null
    })
    return network
  }

  /** Before the coordinator has answered, and whether or not it does. */
  const startFromMemory = async (start: StartPeerNetwork) => {
    const info = await init.pins.lastInfo(coordinator)
    const root = init.root ?? (await init.pins.get(coordinator))
    if (info === null || info.certificate.root !== root || state.info !== null || info.addresses.length + info.relays.length === 0) return
    setState({ info, infoFrom: 'memory', root })
    await peersFor(info, start)
  }

  const introduce = (channel: WorkChannel, root: RootId) =>
    openWorkSession({
      channel,
      identity: init.identity,
      host: init.host,
      pinnedRoot: root,
      clock,
      onStop: (job, why, epoch) => {
        stops.emit({ job, why, ...(epoch === undefined ? {} : { epoch }) })
      },
      onNudge: () => {
        nudges.emit(undefined)
      }
    })

  const openOverPeers = async (info: CoordinatorInfo, root: RootId): Promise<OpenSession | null> => {
    const { startPeers } = init
    if (startPeers === undefined || info.addresses.length === 0) return null
    try {
      const channel = await withDeadline(clock, CHANNEL_TIMEOUT_MS, stopped.signal, 'Opening a libp2p channel', async (signal) =>
        (await peersFor(info, startPeers)).openWorkChannel(info, signal)
      )
      return { session: await introduce(channel, root), transport: 'libp2p' }
    } catch (error) {
      stopped.signal.throwIfAborted()
      // Refused by the coordinator itself: HTTP would meet the same refusal.
      if (error instanceof PeerComputeError && ['COORDINATOR_UNTRUSTED', 'HELLO_INVALID'].includes(error.code)) throw error
      return null
    }
  }

  const open = async (): Promise<OpenSession> => {
    const info = await withDeadline(clock, INFO_TIMEOUT_MS, stopped.signal, 'Asking the coordinator who it is', (signal) =>
      fetchCoordinatorInfo(coordinator, init.fetch, signal, state.info?.peerId)
    )
    const root = await trustedRoot({ info, coordinator, pins: init.pins, ...(init.root === undefined ? {} : { given: init.root }) })
    setState({ info, infoFrom: 'coordinator', root })
    await init.pins.setLastInfo(coordinator, info).catch(() => undefined)
    return (
      (await openOverPeers(info, root)) ?? {
        session: await introduce(createHttpWorkChannel({ coordinator, fetch: init.fetch, clock }), root),
        transport: 'http'
      }
    )
  }

  /** Resolves with a libp2p session that may take the place of an HTTP one. Rejects when the signal aborts. */
  const upgrade = async (signal: AbortSignal): Promise<OpenSession> => {
    for (let attempt = 0; ; attempt++) {
      // The relay that was away, e.g. because it was started again, is often back long before.
      await sleepUntilOpen(clock, UPGRADE_BACKOFF.baseMs / 2 + backoffDelay(UPGRADE_BACKOFF, attempt, init.random), relayCame, signal)
      const { info, root } = state
      const better = info === null || root === null ? null : await openOverPeers(info, root).catch(() => null)
      if (better === null) continue
      if (!signal.aborted) return better
      await better.session.close()
    }
  }

  /** Holds the session until it ends. Returns its successor, if there is a better one. */
  const hold = async ({ session, transport }: OpenSession): Promise<OpenSession | null> => {
    setState({ connection: 'connected', transport, error: null })
    sessions.emit(session)
    const over = new AbortController()
    const ended = session.ended.then((error) => ({ error }))
    const upgrading = transport === 'http' && init.startPeers !== undefined ? upgrade(over.signal) : null
    upgrading?.catch(() => undefined)
    try {
      const next = await (upgrading === null ? ended : Promise.race([ended, upgrading]))
      if ('session' in next) return next
      setState({ error: next.error })
      return null
    } finally {
      over.abort()
      sessions.emit(null)
      await session.close().catch(() => undefined)
    }
  }

  const run = async () => {
    for (let attempt = 0; ; attempt++) {
      setState({ connection: 'connecting', transport: null })
      try {
        for (let current: OpenSession | null = await open(); current !== null;) {
          const openedAt = clock.now()
          const closing = current
          const onStopped = () => {
            closing.session.close().catch(() => undefined)
          }
          stopped.signal.addEventListener('abort', onStopped, { once: true })
          if (stopped.signal.aborted) onStopped()
          current = await hold(closing)
          stopped.signal.removeEventListener('abort', onStopped)
          if (clock.now() - openedAt >= GOOD_SESSION_MS) attempt = 0
        }
      } catch (cause) {
        const error =
          cause instanceof PeerComputeError
            ? cause
            : new PeerComputeError('COORDINATOR_UNREACHABLE', `Connecting to ${coordinator} failed`, { cause })
        if (!stopped.signal.aborted) setState({ error })
      }
      stopped.signal.throwIfAborted()
      setState({ connection: 'offline', transport: null })
      await sleepUntilOpen(clock, backoffDelay(COORDINATOR_BACKOFF, attempt, init.random), retry, stopped.signal)
    }
  }

  return {
    get state() {
      return state
    },
    start() {
      if (init.startPeers !== undefined) startFromMemory(init.startPeers).catch(() => undefined)
      loop = run().catch(() => undefined)
    },
    retryNow() {
      peers?.network.then(
        (network) => {
          network.retryNow()
        },
        () => undefined
      )
      retry.open()
    },
    async stop() {
      stopped.abort()
      await loop
      // One that is still starting stops itself when it is up: nobody waits for it.
      await Promise.allSettled([...running].map((network) => network.stop()))
      setState({ connection: 'stopped', transport: null, peers: [] })
    },
    onState: states.on,
    onSession: sessions.on,
    peerNetwork: () => [...running].at(-1) ?? null,
    onPeerNetwork: networks.on,
    onStop: stops.on,
    onNudge: nudges.on
  }
}
