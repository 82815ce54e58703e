/**
 * How often one address may open a libp2p connection, and how many its subnet may hold. Fastify's limit does not see upgrades.
 * A reservation needs a connection and a connection has one reservation, so the quota bounds both.
 */
import { isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'
import { subnetOf } from '@peercompute/p2p'
import type { Clock } from '@peercompute/p2p/time'
import { createTokenBucket } from '../work/token-bucket.ts'
import { isLoopback } from './access.ts'
import type { ClientAddress } from './client-address.ts'

const UPGRADES_PER_SECOND = 5
const UPGRADES_BURST = 50
const ADDRESSES_MAX = 10_000

export interface UpgradeGateInit {
  readonly clock: Clock
  /** Connections at the same time from one IPv4 /24 or IPv6 /48. */
  readonly subnetQuota: number
  readonly addressOf: ClientAddress
}

/**
 * Loopback is exempt from both: it is this machine, or a proxy on it that limits by itself. A proxy that is trusted with
 * `X-Forwarded-For` is not exempt: its clients count by their own addresses.
 */
export function createUpgradeGate({ clock, subnetQuota, addressOf }: UpgradeGateInit): (request: IncomingMessage) => boolean {
  const buckets = new Map<string, ReturnType<typeof createTokenBucket>>()
  const open = new Map<string, number>()

  function mayKnock(address: string): boolean {
    const bucket = buckets.get(address) ?? createTokenBucket(UPGRADES_PER_SECOND, UPGRADES_BURST, clock)
    if (buckets.size >= ADDRESSES_MAX) buckets.clear()
    buckets.set(address, bucket)
    return bucket.take()
  }

  return (request) => {
    const address = addressOf(request)
    if (address === undefined) return false
    if (isLoopback(address)) return true
    const subnet = subnetOf(`/${isIP(address) === 6 ? 'ip6' : 'ip4'}/${address}`)
    const held = open.get(subnet) ?? 0
    if (held >= subnetQuota || !mayKnock(address)) return false
    open.set(subnet, held + 1)
    request.socket.once('close', () => {
      const left = (open.get(subnet) ?? 1) - 1
      if (left === 0) open.delete(subnet)
      else open.set(subnet, left)
    })
    return true
  }
}
