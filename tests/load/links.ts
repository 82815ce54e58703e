/** How a volunteer reaches the coordinator: as light as possible, as a whole peer, or by HTTP. */
import type { RootId } from '@peercompute/job-specs'
import { WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { createLedger, memoryLedgerStore } from '@peercompute/ledger'
import { ALONE, createClientNode, openChannel, PeerComputeProvider, superviseRelay } from '@peercompute/p2p'
import { openLightConnection } from '@peercompute/p2p/testing/network'
import { createHttpWorkChannel } from '@peercompute/worker-client'
import { until } from '../harness/until.ts'
import type { LoadChannel } from './conversation.ts'

/**
 * `work-stream`: one libp2p connection with one stream. `full-peer`: gossip, discovery, an address through the relay, a replica of
 * the ledger, no WebRTC. `http`: `POST /api/v1/work`.
 */
export type LinkKind = 'work-stream' | 'full-peer' | 'http'

/** Where the coordinator is, on this machine. */
export interface CoordinatorPlace {
  readonly port: number
  readonly peerId: string
  readonly root: RootId
}

export interface Link {
  readonly channel: LoadChannel
  /** Leaves without a goodbye in the protocol. Never rejects. */
  stop(): Promise<void>
}

const OPEN_MS = 60_000
/** A whole peer that was refused comes back at its own moment, in a crowd of thousands after minutes (p2p/src/redial-delay.ts): whoever began anew instead would never have its turn. */
const RELAY_MS = 600_000

/** `address`: of 127.0.0.0/8, where the volunteer comes from (see dialled-address.ts). Rejects when it cannot be reached in OPEN_MS, a whole peer in RELAY_MS. */
export function openLink(kind: LinkKind, place: CoordinatorPlace, address: string): Promise<Link> {
  switch (kind) {
    case 'work-stream':
      return openWorkStream(place, address)
    case 'full-peer':
      return openFullPeer(place, address)
    case 'http':
      return openHttp(place, address)
  }
}

async function openWorkStream(place: CoordinatorPlace, address: string): Promise<Link> {
  const { channel, stop } = await openLightConnection(relayAddress(place, address), WORK_PROTOCOL, {
    limit: WORK_FRAME_MAX_BYTES,
    signal: AbortSignal.timeout(OPEN_MS)
  })
  return { channel, stop: () => stop().catch(() => undefined) }
}

async function openFullPeer(place: CoordinatorPlace, address: string): Promise<Link> {
  const relays = [relayAddress(place, address)]
  const { node, discovery } = await createClientNode({ relays, webRtc: false })
  const ledger = createLedger({ now: () => Date.now(), store: memoryLedgerStore() })
  ledger.follow(place.root)
  const provider = await PeerComputeProvider.start(node, ledger)
  const supervisor = superviseRelay(node, relays, { crowd: () => discovery?.crowd() ?? ALONE })
  const stop = async (): Promise<void> => {
    supervisor.stop()
    await provider.stop()
    ledger.close()
    await node.stop()
  }
  try {
    await until('the relay', () => supervisor.state.kind === 'connected', RELAY_MS)
    const options = { limit: WORK_FRAME_MAX_BYTES, signal: AbortSignal.timeout(OPEN_MS) }
    const channel = await openChannel(node, place.peerId, WORK_PROTOCOL, options)
    return { channel, stop: () => stop().catch(() => undefined) }
  } catch (error) {
    await stop().catch(() => undefined)
    throw error
  }
}

async function openHttp({ port }: CoordinatorPlace, address: string): Promise<Link> {
  const channel = createHttpWorkChannel({ coordinator: `http://${address}:${port}`, fetch: globalThis.fetch })
  return { channel, stop: () => channel.close() }
}

function relayAddress({ port, peerId }: CoordinatorPlace, address: string): string {
  return `/ip4/${address}/tcp/${port}/ws/p2p/${peerId}`
}
