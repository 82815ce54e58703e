/** How bytes travel, read from an address. */
import type { PeerPath } from './network-report.ts'
import type { Multiaddr } from '@multiformats/multiaddr'

/** A WebRTC address names the circuit through which the two introduced themselves; the bytes do not go there. */
export function pathOf(address: Multiaddr): PeerPath {
  const text = address.toString()
  if (/\/webrtc(\/|$)/.test(text)) return 'webrtc'
  if (text.includes('/p2p-circuit')) return 'circuit'
  return /\/wss?(\/|$)/.test(text) ? 'websocket' : 'tcp'
}

/** From client to client without a relay in between. */
export function leadsDirectly(address: Multiaddr): boolean {
  const path = pathOf(address)
  return path === 'webrtc' || path === 'tcp'
}
