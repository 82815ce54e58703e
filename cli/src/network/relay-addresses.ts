/** Addresses of relays, as people write them. */
import { PeerComputeError } from '@peercompute/job-specs'

const PEER = /\/p2p\/([A-Za-z0-9]+)$/
const WEBSOCKET = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(\/tls)?\/wss?\//

/** Rejects with CONFIG_INVALID what no relay can be dialled by. */
export function checkRelayAddress(address: string): string {
  if (PEER.test(address) && WEBSOCKET.test(address)) return address
  throw new PeerComputeError(
    'CONFIG_INVALID',
    `--relay "${address}" is not the address of a relay: it looks like /dns4/lab.example/tcp/443/tls/ws/p2p/12D3Koo…`
  )
}

/** `ws://…` or `wss://…`, or null for an address without a WebSocket. */
export function webSocketUrl(address: string): string | null {
  const [, host, port, tls] = WEBSOCKET.exec(address) ?? []
  if (host === undefined || port === undefined) return null
  return `${tls === undefined && !address.includes('/wss/') ? 'ws' : 'wss'}://${host.includes(':') ? `[${host}]` : host}:${port}/`
}
