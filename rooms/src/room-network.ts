/** The NetworkManager of a room: keeps one work session open to whoever leads, for ever. What it is for the open network, see there. */
import { PeerComputeError, type HostDescription, type JobId, type ReasonCode, type RootId } from '@peercompute/job-specs'
import { abortReason, backoffDelay, type Backoff, type Clock } from '@peercompute/p2p/time'
import {
  createGate,
  createListeners,
  openWorkSession,
  sleepUntilOpen,
  type Identity,
  type NetworkManager,
  type NetworkState,
  type WorkChannel,
  type WorkSession
} from '@peercompute/worker-client'

const CHANNEL_TIMEOUT_MS = 10_000
/** A leader is a member like others: it is back, or another leads, within seconds. */
const BACKOFF: Backoff = { baseMs: 250, capMs: 5_000 }
const GOOD_SESSION_MS = 10_000

/** A leader in its term: a new term is another one, even of the same member. */
export interface LeaderTerm {
  readonly peer: string
  readonly term: number
}

export interface RoomNetworkInit {
  /** Null while nobody serves. */
  readonly leader: () => LeaderTerm | null
  readonly onLeader: (listener: () => void) => () => void
  readonly openWork: (leader: LeaderTerm, signal: AbortSignal) => Promise<WorkChannel>
  readonly root: RootId
  readonly identity: Identity
  readonly host: HostDescription
  readonly clock: Clock
  readonly random: () => number
}

export function createRoomNetwork(init: RoomNetworkInit): NetworkManager {
  const { clock } = init
  const states = createListeners<NetworkState>()
  const sessions = createListeners<WorkSession | null>()
  const stops = createListeners<{ readonly job: JobId; readonly why: ReasonCode; readonly epoch?: number }>()
  const nudges = createListeners<undefined>()
  const stopped = new AbortController()
  const changed = createGate()
  let state: NetworkState = { connection: 'offline', transport: null, info: null, infoFrom: null, root: init.root, error: null, peers: [] }
  let loop: Promise<void> = Promise.resolve()
  const unsubscribe = init.onLeader(() => {
    changed.open()
  })

  const setState = (change: Partial<NetworkState>): void => {
    state = { ...state, ...change }
    states.emit(state)
  }

  const leads = ({ peer, term }: LeaderTerm): boolean => {
    const now = init.leader()
    return now?.peer === peer && now.term === term
  }

  async function open(leader: LeaderTerm): Promise<WorkSession> {
    const channel = await init.openWork(leader, AbortSignal.any([stopped.signal, AbortSignal.timeout(CHANNEL_TIMEOUT_MS)]))
    return openWorkSession({
      channel,
      identity: init.identity,
      host: init.host,
      pinnedRoot: init.root,
      clock,
      onStop: (job, why, epoch) => {
        stops.emit({ job, why, ...(epoch === undefined ? {} : { epoch }) })
      },
      onNudge: () => {
        nudges.emit(undefined)
      }
    })
  }

  /** Until the session ends, or another leads. */
  async function hold(session: WorkSession, leader: LeaderTerm): Promise<void> {
    setState({ connection: 'connected', transport: 'libp2p', error: null, peers: [leader.peer] })
    sessions.emit(session)
    const over: { error: PeerComputeError | null } = { error: null }
    void session.ended.then((error) => {
      over.error = error
      changed.open()
    })
    try {
      while (over.error === null && leads(leader)) await changed.wait(stopped.signal)
      setState({ error: over.error })
    } finally {
      sessions.emit(null)
      await session.close().catch(() => undefined)
    }
  }

  async function run(): Promise<void> {
    for (let attempt = 0; ;) {
      const leader = init.leader()
      if (leader === null) {
        setState({ connection: 'connecting', transport: null, peers: [] })
        await changed.wait(stopped.signal)
        continue
      }
      setState({ connection: 'connecting', transport: null })
      const since = clock.now()
      try {
        await hold(await open(leader), leader)
      } catch (cause) {
        if (stopped.signal.aborted) throw abortReason(stopped.signal)
        const known = cause instanceof PeerComputeError
        setState({ error: known ? cause : new PeerComputeError('PEER_UNREACHABLE', 'The leader of the room does not answer', { cause }) })
      }
      attempt = clock.now() - since >= GOOD_SESSION_MS || !leads(leader) ? 0 : attempt + 1
      if (!leads(leader)) continue
      setState({ connection: 'offline', transport: null, peers: [] })
      await sleepUntilOpen(clock, backoffDelay(BACKOFF, attempt, init.random), changed, stopped.signal)
    }
  }

  return {
    get state() {
      return state
    },
    start() {
      loop = run().catch(() => undefined)
    },
    retryNow() {
      changed.open()
    },
    async stop() {
      stopped.abort()
      unsubscribe()
      await loop
      setState({ connection: 'stopped', transport: null, peers: [] })
    },
    onState: states.on,
    onSession: sessions.on,
    // the room shares its ledger itself, whether this member lends something or not
    peerNetwork: () => null,
    onPeerNetwork: () => () => undefined,
    onStop: stops.on,
    onNudge: nudges.on
  }
}
