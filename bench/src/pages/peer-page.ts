/** A client node in a tab, and what a benchmark wants to know of it. */
import { createClientNode, openChannel, superviseRelay, type PeerNode, type RelaySupervisor } from '@peercompute/p2p'
import { ECHO_LIMIT, ECHO_PROTOCOL } from '../network/echo.ts'

const ECHO_TIMEOUT_MS = 1_000

let running: { readonly node: PeerNode; readonly supervisor: RelaySupervisor } | undefined
let drops = 0

function started(): PeerNode {
  if (running === undefined) throw new Error('the node is not started')
  return running.node
}

async function echo(relay: string): Promise<void> {
  const channel = await openChannel(started(), relay, ECHO_PROTOCOL, { limit: ECHO_LIMIT, signal: AbortSignal.timeout(ECHO_TIMEOUT_MS) })
  const late = setTimeout(() => {
    channel.abort(new Error('no echo'))
  }, ECHO_TIMEOUT_MS)
  try {
    await channel.send({ hello: 1 })
    const { done } = await channel.frames[Symbol.asyncIterator]().next()
    if (done === true) throw new Error('no echo')
  } finally {
    clearTimeout(late)
    channel.abort(new Error('done'))
  }
}

async function webRtcAddressesOf(peer: string) {
  const known = (await started().peerStore.all()).find(({ id }) => id.toString() === peer)
  return known?.addresses.map(({ multiaddr }) => multiaddr).filter((address) => address.toString().includes('/webrtc')) ?? []
}

const page = {
  /** Starts a node and its supervisor. Answers with its PeerId. */
  async start(relays: readonly string[]) {
    const { node, webRtc } = await createClientNode({ relays })
    if (!webRtc) throw new Error('this browser has no WebRTC')
    node.addEventListener('connection:close', () => drops++)
    running = { node, supervisor: superviseRelay(node, relays) }
    return node.peerId.toString()
  },
  connected: () => running?.supervisor.state.kind === 'connected',
  /** Connections that were closed since the start. */
  drops: () => drops,
  visible: () => document.visibilityState === 'visible',
  /** Whether there is an unlimited, thus direct, connection to the peer. */
  direct: (peer: string) =>
    started()
      .getConnections()
      .some(({ remotePeer, limits, status }) => remotePeer.toString() === peer && limits === undefined && status === 'open'),
  /** Whether the peer has been announced with an address that can be dialled directly. */
  knows: async (peer: string) => (await webRtcAddressesOf(peer)).length > 0,
  /** Milliseconds until a direct connection is open. */
  async dial(peer: string) {
    const addresses = await webRtcAddressesOf(peer)
    if (page.direct(peer)) throw new Error('they are connected already')
    const from = performance.now()
    const connection = await started().dial(addresses, { signal: AbortSignal.timeout(10_000) })
    if (connection.limits !== undefined) throw new Error('the connection is relayed')
    return performance.now() - from
  },
  /** Keeps the main thread busy, then counts the milliseconds until the relay has answered on a stream. */
  async block(ms: number, relay: string) {
    const until = performance.now() + ms
    while (performance.now() < until);
    const from = performance.now()
    for (;;) {
      try {
        await echo(relay)
        return performance.now() - from
      } catch {
        if (performance.now() - from > 60_000) throw new Error('the relay does not answer')
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  },
  echo
}
export type PeerPage = typeof page

Object.assign(globalThis, { peerPage: page })
