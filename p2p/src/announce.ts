/** From the address that people type to the one that libp2p peers dial. */
import { PeerComputeError } from '@peercompute/job-specs'

/**
 * `https://lab.example` → `/dns4/lab.example/tcp/443/tls/ws`, `http://127.0.0.1:8080` → `/ip4/127.0.0.1/tcp/8080/ws`.
 * Throws CONFIG_INVALID for another scheme, and for a path: libp2p dials `/`.
 */
export function announceFor(publicUrl: string): string {
  if (!URL.canParse(publicUrl)) throw new PeerComputeError('CONFIG_INVALID', `the public URL "${publicUrl}" is not a URL`)
  const url = new URL(publicUrl)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new PeerComputeError('CONFIG_INVALID', `the public URL "${publicUrl}" must begin with http:// or https://`)
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new PeerComputeError('CONFIG_INVALID', `the public URL "${publicUrl}" must name a host only, without a path`)
  }
  const secure = url.protocol === 'https:'
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
  return `${hostPart(url.hostname)}/tcp/${port}${secure ? '/tls/ws' : '/ws'}`
}

function hostPart(hostname: string): string {
  if (hostname.startsWith('[')) return `/ip6/${hostname.slice(1, -1)}`
  return /^\d+(\.\d+){3}$/.test(hostname) ? `/ip4/${hostname}` : `/dns4/${hostname}`
}
