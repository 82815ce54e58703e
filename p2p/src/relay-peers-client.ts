/** The client's side of `/peercompute/peers/1`: tells every relay that it meets about itself, and hears of the others. */
import { PEERS_FRAME_MAX_BYTES, PEERS_PROTOCOL, peersSchema, type PeerIntroduction } from '@peercompute/job-specs/protocol'
import { asError } from './as-error.ts'
import { openChannel } from './channels.ts'
import { DIAL_TIMEOUT_MS, REDIAL_BASE_MS, REDIAL_CAP_MS } from './settings.ts'
import { backoffDelay } from './time/backoff.ts'
import { systemClock, type Clock, type Random } from './time/clock.ts'
import { sleep } from './time/sleep.ts'
import type { Discovery } from './discovery.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { PeerNode } from './gossip.ts'

export interface JoinPeersOptions {
  readonly clock?: Clock
  readonly random?: Random
}

/** Goes on until the node stops. A stream that is lost while the relay is there is opened again: full jitter, for ever. */
export async function joinPeers(
  node: PeerNode,
  discovery: Discovery,
  { clock = systemClock, random = Math.random }: JoinPeersOptions = {}
): Promise<void> {
  const stopping = new AbortController()
  const held = new Set<string>()

  async function hold(relay: string): Promise<void> {
    const channel = await openChannel(node, relay, PEERS_PROTOCOL, {
      limit: PEERS_FRAME_MAX_BYTES,
      signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]),
      overRelay: false
    })
    const endTelling = tellOwn(node, discovery, channel)
    try {
      for await (const { message, attachment } of channel.frames) {
        const { crowd, rank, sizes } = peersSchema.parse(message)
        discovery.introduced(relay, { size: crowd, rank }, split(attachment, sizes))
      }
    } finally {
      endTelling()
      void channel.close()
    }
  }

  async function keep(relay: string): Promise<void> {
    if (held.has(relay)) return
    held.add(relay)
    try {
      for (let attempt = 0; isConnected(relay); attempt++) {
        await hold(relay).catch(() => undefined)
        await sleep(clock, backoffDelay({ baseMs: REDIAL_BASE_MS, capMs: REDIAL_CAP_MS }, attempt, random), stopping.signal)
      }
    } catch {
      // stopped
    } finally {
      held.delete(relay)
    }
  }

  function isConnected(relay: string): boolean {
    return node.getConnections().some(({ remotePeer, status }) => status === 'open' && remotePeer.toString() === relay)
  }

  node.addEventListener('stop', () => {
    stopping.abort()
  })
  await node.register(PEERS_PROTOCOL, { onConnect: (peer) => void keep(peer.toString()) })
}

/** libp2p tells of a changed address a second late; a listener, which is what a reservation is, tells at once. */
const CHANGES = ['transport:listening', 'transport:close', 'self:peer:update'] as const

/** Nothing while there is no address, and then every change. */
function tellOwn(node: PeerNode, discovery: Discovery, channel: FrameChannel): () => void {
  let told = ''
  const onUpdate = (): void => {
    const announcement = discovery.announcement()
    const now = announcement?.join() ?? told
    if (announcement === null || now === told) return
    told = now
    channel.send({ type: 'introduce' } satisfies PeerIntroduction, announcement).catch((error: unknown) => {
      channel.abort(asError(error))
    })
  }
  for (const change of CHANGES) node.addEventListener(change, onUpdate)
  onUpdate()
  return () => {
    for (const change of CHANGES) node.removeEventListener(change, onUpdate)
  }
}

/** What is missing at the end is left out. */
function split(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let end = 0
  return sizes.map((size) => bytes.subarray(end, (end += size)))
}
