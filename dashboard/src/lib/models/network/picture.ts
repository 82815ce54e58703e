/** Where the parts of the network picture stand: this tab in the middle, relays above it, peers below. Pixels of the drawing itself. */
import type { NetworkReport, PeerPath } from '@peercompute/p2p'
import { bestPath } from './words.ts'

export type LinkStyle = PeerPath | 'none'

export interface PictureNode {
  readonly kind: 'self' | 'relay' | 'peer'
  readonly id: string
  readonly label: string
  readonly x: number
  readonly y: number
  /** How bytes get there. */
  readonly link: LinkStyle
  readonly mesh: boolean
}

export interface Picture {
  readonly width: number
  readonly height: number
  readonly self: PictureNode
  readonly others: readonly PictureNode[]
  /** Peers that the picture has no room for; the table has them. */
  readonly hidden: number
}

/** A label and its neighbour must not touch. */
const LABEL_PX = 76
const PEERS_MAX = 24
const TOP = { from: 205, to: 335 }
const BOTTOM = { from: 15, to: 165 }

export function networkPicture(report: Pick<NetworkReport, 'peer' | 'relays' | 'peers'>, width: number): Picture {
  const radius = { x: Math.min(width / 2 - 44, 420), y: 124 }
  const height = 2 * radius.y + 96
  const centre = { x: width / 2, y: height / 2 - 8 }
  const room = Math.max(3, Math.min(PEERS_MAX, Math.floor((Math.PI * radius.x) / LABEL_PX)))
  const peers = report.peers.filter((peer) => !peer.relay)
  const place = (index: number, count: number, { from, to }: typeof TOP) => {
    const angle = ((count === 1 ? (from + to) / 2 : from + ((to - from) * index) / (count - 1)) * Math.PI) / 180
    // Peers that stand close together alternate between two rings.
    const reach = count > 6 && index % 2 === 1 ? 0.72 : 1
    return { x: centre.x + radius.x * reach * Math.cos(angle), y: centre.y + radius.y * reach * Math.sin(angle) }
  }
  const shown = peers.slice(0, room)
  return {
    width,
    height,
    self: { kind: 'self', id: report.peer, label: 'This tab', ...centre, link: 'none', mesh: false },
    others: [
      ...report.relays.map((relay, index): PictureNode => {
        const at = place(index, report.relays.length, TOP)
        const connected = relay.state.kind === 'connected'
        return {
          kind: 'relay',
          id: relay.address,
          label: report.relays.length === 1 ? 'Relay' : `Relay ${index + 1}`,
          ...at,
          link: connected ? 'websocket' : 'none',
          mesh: connected && report.peers.some((peer) => peer.relay && peer.mesh)
        }
      }),
      ...shown.map((peer, index): PictureNode => ({
        kind: 'peer',
        id: peer.peer,
        label: shortPeer(peer.peer),
        ...place(index, shown.length, BOTTOM),
        link: bestPath(peer.paths),
        mesh: peer.mesh
      }))
    ],
    hidden: peers.length - shown.length
  }
}

/** PeerIds begin alike, so their ends tell them apart. */
export function shortPeer(peer: string): string {
  return `…${peer.slice(-6)}`
}
