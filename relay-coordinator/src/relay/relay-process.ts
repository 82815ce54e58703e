/**
 * One of the relays of `serve --relays N`, in a process of its own: the work of a relay (see serve-relay.ts), and the ends of the
 * work streams. It reads nothing of what hosts and scheduler say to each other.
 *
 * Everything comes over file descriptor 3, a socket pair that the scheduler opened. It is also the leash: whatever ends the scheduler
 * closes it, and then this process ends.
 */
import { Socket } from 'node:net'
import { PeerComputeError } from '@peercompute/job-specs'
import { WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { groupRelays, handlePipe, superviseRelays, type RelaysSupervisor } from '@peercompute/p2p'
import { disconnect } from '@peercompute/p2p/relay'
import { errorMessage } from '../config/error-code.ts'
import { joinPipes } from './join-pipes.ts'
import { STATE_MS, toRelaySchema, type FromRelay, type StartRelay } from './relay-messages.ts'
import { serveRelay, type RunningRelay } from './serve-relay.ts'
import { createUplink } from './uplink.ts'
import { FIRST_OUT_MS } from '../work/flood-guard.ts'
import { WORK_STREAMS_PER_CONNECTION } from '../work/work-streams.ts'

const UPLINK_FD = 3
const OUT_MAX = 10_000
/** Clients are told goodbye within this time. */
const CLOSE_MS = 3_000

/** Peers that are kept out, until when. Whoever comes back sooner than the scheduler likes is cut again by it. */
const out = new Map<string, number>()
let relay: RunningRelay | undefined
let neighbours: RelaysSupervisor | undefined
let neighbourIds: ReadonlySet<string> = new Set()

const uplink = createUplink({
  socket: new Socket({ fd: UPLINK_FD, readable: true, writable: true }),
  onTold: (message) => {
    void obey(message)
  },
  // The scheduler opens no streams: hosts do.
  onOpen: (pipe) => {
    pipe.abort(new PeerComputeError('INTERNAL', 'a relay takes no streams from its scheduler'))
  },
  onClosed: () => {
    void end()
  }
})

function tell(message: FromRelay): void {
  uplink.tell(message)
}

async function obey(told: unknown): Promise<void> {
  try {
    const message = toRelaySchema.parse(told)
    if (message.type === 'start') await start(message)
    else if (message.type === 'cut') cut(message.peer, message.why)
    else if (relay !== undefined) {
      neighbours?.stop()
      neighbourIds = new Set(message.peers)
      neighbours = superviseRelays(relay.node, groupRelays(message.addresses))
    }
  } catch (error) {
    const code = error instanceof PeerComputeError ? error.code : 'INTERNAL'
    tell({ type: 'failed', code, detail: error instanceof PeerComputeError ? error.detail : errorMessage(error) })
  }
}

function cut(peer: string, why: string): void {
  if (relay === undefined) return
  if (out.size >= OUT_MAX) out.clear()
  out.set(peer, Date.now() + FIRST_OUT_MS)
  disconnect(relay.node, peer, new PeerComputeError('RATE_LIMITED', why))
}

async function start({ type: _type, publicUrl, ...options }: StartRelay): Promise<void> {
  const running = await serveRelay({
    ...options,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    deny: (peer) => (out.get(peer) ?? 0) > Date.now(),
    prepare: async (node) => {
      await handlePipe(node, WORK_PROTOCOL, { maxInboundStreams: WORK_STREAMS_PER_CONNECTION }, (pipe, { peer, subnet }) => {
        joinPipes(pipe, uplink.open({ remote: peer, subnet }))
        return Promise.resolve()
      })
    }
  })
  relay = running
  tell({ type: 'ready', peerId: running.peerId, port: running.port, addresses: [...running.addresses] })
  setInterval(() => {
    tell({ type: 'state', clients: running.node.getPeers().filter((peer) => !neighbourIds.has(peer.toString())).length })
  }, STATE_MS)
}

async function end(): Promise<void> {
  setTimeout(() => process.exit(0), CLOSE_MS).unref()
  neighbours?.stop()
  await relay?.close().catch(() => undefined)
  process.exit(0)
}

// A terminal or a service manager signals the whole group. The scheduler decides: it ends this process by closing the socket.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
