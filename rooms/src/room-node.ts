/** A node of its own for each room that is joined: the protocols are the same for all rooms, and a PeerId must not tell that two rooms share a member. */
import { createClientNode, dialPeers, superviseRelay, type PeerNode, type RelayState } from '@peercompute/p2p'

export interface RoomNodeOptions {
  /** Relay addresses, from the link. */
  readonly via: readonly string[]
  readonly iceServers?: readonly RTCIceServer[]
  readonly webRtc?: boolean
  readonly onRelay?: (relay: string, state: RelayState) => void
}

export interface RoomNode {
  readonly node: PeerNode
  stop(): Promise<void>
}

export async function startRoomNode({ via, iceServers = [], webRtc = true, onRelay }: RoomNodeOptions): Promise<RoomNode> {
  const { node } = await createClientNode({ relays: via, iceServers, webRtc })
  const relays = Map.groupBy(via, relayOf)
  const supervisors = [...relays].map(([relay, addresses]) =>
    superviseRelay(node, addresses, { onState: (state) => onRelay?.(relay, state) })
  )
  const stopDialling = dialPeers(node)
  return {
    node,
    async stop() {
      stopDialling()
      for (const supervisor of supervisors) supervisor.stop()
      await node.stop()
    }
  }
}

/** The PeerId at the end of a relay's address. */
function relayOf(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1)
}
