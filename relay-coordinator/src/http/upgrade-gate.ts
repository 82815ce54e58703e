/** How often one address may open a libp2p connection. Fastify's limit does not see upgrades. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '@peercompute/p2p/time'
import { createTokenBucket } from '../work/token-bucket.ts'
import { isLoopback } from './access.ts'

const UPGRADES_PER_SECOND = 5
const UPGRADES_BURST = 50
const ADDRESSES_MAX = 10_000

/** Loopback is exempt: it is this machine, or a proxy that limits by itself. */
export function createUpgradeGate(clock: Clock): (request: IncomingMessage) => boolean {
  const buckets = new Map<string, ReturnType<typeof createTokenBucket>>()
  return ({ socket: { remoteAddress } }) => {
    if (remoteAddress === undefined) return false
    if (isLoopback(remoteAddress)) return true
    const bucket = buckets.get(remoteAddress) ?? createTokenBucket(UPGRADES_PER_SECOND, UPGRADES_BURST, clock)
    if (buckets.size >= ADDRESSES_MAX) buckets.clear()
    buckets.set(remoteAddress, bucket)
    return bucket.take()
  }
}
