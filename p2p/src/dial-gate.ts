/** Which addresses a client may dial. libp2p's own rule for browsers denies plain `ws` and private addresses, relay included. */
import { isPrivate } from '@libp2p/utils'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/**
 * With a relay on this machine or network everything may be dialled: peers are there too. With a public relay, nobody can
 * make this peer knock at doors of its own network: private addresses and unencrypted WebSockets are denied.
 * The relays themselves may always be dialled: a person named them.
 */
export function dialGate(relays: readonly string[]): (address: Multiaddr) => boolean {
  const trusted = relays.map((relay) => multiaddr(relay))
  if (trusted.some(isPrivate)) return () => false
  const hosts = new Set(trusted.map(hostOf))
  return (address) => !hosts.has(hostOf(address)) && (isPrivate(address) || isPlainWebSocket(address))
}

function isPlainWebSocket(address: Multiaddr): boolean {
  return hostOf(address).endsWith('/ws') && !hostOf(address).endsWith('/tls/ws')
}

/** Host, port and transport: everything before the first `/p2p`. */
function hostOf(address: Multiaddr): string {
  return address.toString().split('/p2p/', 1)[0] ?? ''
}
