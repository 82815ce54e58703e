/** A member of a room, as programs see it: who is there, who leads, what is computed, and this member's own part in it. */
import {
  hostDescriptionSchema,
  jobBlobs,
  matchesBlob,
  PeerComputeError,
  type BlobRef,
  type Bytes,
  type ContentHash,
  type JobId,
  type JobSpec
} from '@peercompute/job-specs'
import {
  ROOM_DATA_PROTOCOL,
  ROOM_LEDGER_PROTOCOL,
  ROOM_WORK_PROTOCOL,
  roomDataRequestSchema,
  WORK_FRAME_MAX_BYTES
} from '@peercompute/job-specs/protocol'
import type { LedgerState, LedgerStore } from '@peercompute/ledger'
import { PeerComputeProvider, registerTopics, type FrameChannel, type PeerNode, type TopicState } from '@peercompute/p2p'
import { systemClock, type Clock } from '@peercompute/p2p/time'
import {
  createComputeManager,
  createJobCache,
  createListeners,
  createNodeKernel,
  createOutbox,
  createStateManager,
  type ComputeWorker,
  type Identity,
  type NodeKernel,
  type OutboxStore
} from '@peercompute/worker-client'
import { createLeadership } from './leadership.ts'
import type { RoomLink } from './link.ts'
import { localChannel } from './local-channel.ts'
import { openOffice } from './office.ts'
import { startPresence, type Member } from './presence.ts'
import { createRoomBlobs } from './room-blobs.ts'
import { deriveRoomKeys } from './room-keys.ts'
import { createRoomJobs, type RoomJob } from './room-jobs.ts'
import { createRoomNetwork, type LeaderTerm } from './room-network.ts'
import { createRoomSeal, createRoomWire } from './room-seal.ts'
import { createRoomValues } from './room-values.ts'
import { keepFollowing } from './values-follower.ts'
import { serveValues } from './values-server.ts'

export interface JoinRoomOptions {
  readonly link: RoomLink
  /** One program at a time may use an installation's identity: two would write one feed. */
  readonly identity: Identity
  /** The room's own ledger: hand in a store of its own for each room (`RoomSession.tag` names it). */
  readonly stores: (tag: string) => { readonly ledger: LedgerStore; readonly outbox: OutboxStore }
  /** Of this room alone, from `startRoomNode`. The caller stops it after `leave()`. */
  readonly node: PeerNode
  /** Bytes that this program can get besides from members, e.g. the reviewed library; null for what it has not. */
  readonly blobs?: (ref: BlobRef) => Promise<Bytes | null>
  /** False for a member that never leads, e.g. a telephone. */
  readonly mayLead?: boolean
  readonly clock?: Clock
  readonly random?: () => number
  readonly onFault?: (error: unknown) => void
}

export interface LendOptions {
  readonly workers: readonly ComputeWorker[]
  /** Program and version, e.g. `peercompute/0.1.0 node/24`. */
  readonly agent: string
  readonly memoryBytes: number
}

export interface RoomSession {
  /** Names the room in stores; says nothing about its key. */
  readonly tag: string
  readonly name: string
  readonly self: string
  members(): readonly Member[]
  /** Who leads, or will in a moment; null while this member still listens. */
  leader(): Member | null
  /** By PeerId of the relay: whether it forwards the room's gossip, or why not. */
  relays(): ReadonlyMap<string, TopicState>
  jobs(): readonly RoomJob[]
  /** Values of settled units that the ledger vouches for, by unit, in the outputs' declared order. */
  results(job: JobId): ReadonlyMap<number, Uint8Array>
  ledger(): LedgerState
  /**
   * Publishes a job to the room. `blobs` holds the programs and inputs that it names, unless `JoinRoomOptions.blobs` has them.
   * Rejects with BLOB_NOT_FOUND when neither has, and as `StateManager.publish`.
   */
  publish(spec: JobSpec, blobs?: ReadonlyMap<ContentHash, Uint8Array>): Promise<JobId>
  cancel(job: JobId): Promise<void>
  /** Computes for the room from now on. Once. */
  lend(options: LendOptions): Promise<NodeKernel>
  readonly kernel: NodeKernel | null
  onChange(listener: () => void): () => void
  /** Hands over, says goodbye, and lets go of everything but the node. Idempotent. */
  leave(): Promise<void>
}

export async function joinRoom(options: JoinRoomOptions): Promise<RoomSession> {
  const { link, identity, node, clock = systemClock, random = Math.random, onFault = () => undefined } = options
  const keys = await deriveRoomKeys(link.secret)
  const self = node.peerId.toString()
  const seal = createRoomSeal(keys, self)
  const wire = createRoomWire(node, link.via, seal)
  const stores = options.stores(keys.tag)
  const changes = createListeners<undefined>()
  const changed = (): void => {
    changes.emit(undefined)
  }
  const state = createStateManager({ identity, store: stores.ledger, clock })
  await state.ledger.ready
  state.follow(keys.rootId)
  state.ledger.follow(keys.rootId)
  const ledgerState = (): LedgerState => {
    const now = state.state()
    if (now === null) throw new PeerComputeError('INTERNAL', 'the room follows no root')
    return now
  }

  const values = createRoomValues()
  const roomJobs = createRoomJobs(values)
  const leavingNow = new AbortController()
  const topics = await registerTopics(node, [keys.ledgerTopic, keys.presenceTopic], { clock, random, onState: changed })
  const presence = startPresence({
    node,
    topic: keys.presenceTopic,
    seal,
    host: identity.certificate.host,
    label: identity.certificate.label,
    clock,
    random
  })
  const blobs = createRoomBlobs({
    wire,
    peers: () => {
      const leader = leadership.leader()?.peer
      const others = presence.members().filter((member) => !member.self)
      return others.map(({ peer }) => peer).sort((a, b) => Number(b === leader) - Number(a === leader))
    },
    ...(options.blobs === undefined ? {} : { source: options.blobs })
  })
  const leadership = createLeadership({
    presence,
    clock,
    connected: () => [...topics.states.values()].includes('forwarded'),
    mayLead: options.mayLead ?? true,
    lastTerm: () => Math.max(0, ...ledgerState().coordinators.values()),
    reach: (peer) => wire.reach(peer, AbortSignal.timeout(10_000)),
    self,
    openOffice: (term) => openOffice({ term, keys, ledger: state.ledger, state: ledgerState, values, blobs, clock, random, onFault }),
    onFault
  })

  const provider = await PeerComputeProvider.start(node, state.ledger, {
    clock,
    scope: {
      topic: keys.ledgerTopic,
      protocol: ROOM_LEDGER_PROTOCOL,
      wrap: (channel, opener) => seal.wrap(ROOM_LEDGER_PROTOCOL, channel, opener),
      seal: (gossip) => seal.seal('ledger', gossip),
      open: (gossip) => seal.open('ledger', gossip)
    }
  })
  const unanswer = [
    await wire.answer(ROOM_WORK_PROTOCOL, WORK_FRAME_MAX_BYTES, async (channel, { subnet }) => {
      await leadership.office?.work(channel, subnet)
    }),
    await wire.answer(ROOM_DATA_PROTOCOL, WORK_FRAME_MAX_BYTES, async (channel) => {
      for await (const { message } of channel.frames) {
        const request = roomDataRequestSchema.safeParse(message)
        if (!request.success) return
        if (request.data.type === 'follow') {
          return serveValues(channel, values, leavingNow.signal)
        }
        const answer = blobs.answer(request.data)
        await channel.send(answer.message, answer.attachment)
      }
    })
  ]
  const onLeader = (listener: () => void): (() => void) => leadership.onChange(listener)
  const serving = (): LeaderTerm | null => {
    const leader = leadership.leader()
    return leader === null || leader.term === 0 ? null : leader
  }
  const following = keepFollowing({
    leader: () => {
      const leader = serving()
      return leader?.peer === self ? null : leader
    },
    onLeader,
    open: (peer, signal) => wire.open(peer, ROOM_DATA_PROTOCOL, WORK_FRAME_MAX_BYTES, signal),
    values,
    onValues: changed,
    clock,
    random
  })
  const unsubscribe = [state.onChange(changed), leadership.onChange(changed)]

  async function openWork({ peer }: LeaderTerm, signal: AbortSignal): Promise<FrameChannel> {
    if (peer !== self) return wire.open(peer, ROOM_WORK_PROTOCOL, WORK_FRAME_MAX_BYTES, signal)
    const { office } = leadership
    if (office === null) throw new PeerComputeError('PEER_UNREACHABLE', 'this member does not lead')
    const [ours, theirs] = localChannel(self)
    void office.work(theirs, 'local')
    return ours
  }

  let kernel: NodeKernel | null = null
  let leaving: Promise<void> | null = null

  return {
    tag: keys.tag,
    name: link.name,
    self,
    members: () => presence.members(),
    leader: () => leadership.leader(),
    relays: () => topics.states,
    jobs: () => roomJobs(ledgerState()),
    results(id) {
      const job = ledgerState().jobs.get(id)
      return new Map(job === undefined ? [] : [...values.verified(job)].map(([unit, { value }]) => [unit, value]))
    },
    ledger: ledgerState,
    async publish(spec, given = new Map()) {
      for (const ref of jobBlobs(spec)) {
        const bytes = given.get(ref.sha256) ?? (await blobs.fetch(ref).catch(() => undefined))
        if (bytes === undefined || !matchesBlob(ref, bytes))
          throw new PeerComputeError('BLOB_NOT_FOUND', `the job names ${ref.sha256}, of which the bytes are not here`)
        blobs.put(ref.sha256, bytes)
      }
      return state.publish(spec)
    },
    cancel: (job) => state.cancel(job),
    async lend({ workers, agent, memoryBytes }) {
      if (kernel !== null) throw new PeerComputeError('INTERNAL', 'this member lends already')
      const outbox = await createOutbox({ store: stores.outbox, host: identity.certificate.host })
      const jobs = createJobCache({ fetchBlob: (ref) => blobs.fetch(ref) })
      const host = hostDescriptionSchema.parse({ agent, executors: workers.map(({ executor }) => executor), memoryBytes })
      kernel = createNodeKernel({
        identity,
        jobs,
        outbox,
        release: () => undefined,
        compute: createComputeManager({ workers, identity, jobs, outbox, clock, random }),
        // the ledger goes on when the kernel stops
        state: { ...state, stop: () => undefined },
        network: createRoomNetwork({
          leader: serving,
          onLeader,
          openWork,
          root: keys.rootId,
          identity,
          host,
          clock,
          random
        })
      })
      kernel.onChange(changed)
      kernel.start()
      return kernel
    },
    get kernel() {
      return kernel
    },
    onChange: changes.on,
    leave() {
      leaving ??= (async () => {
        await kernel?.stop()
        following.stop()
        leavingNow.abort()
        await leadership.stop()
        await presence.leave()
        for (const end of unsubscribe) end()
        for (const stop of unanswer) await stop()
        await provider.stop()
        topics.stop()
        state.stop()
      })()
      return leaving
    }
  }
}
