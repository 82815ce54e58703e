/** What a coordinator and a relay have in common: where they listen, what they keep, and whom they let in. */
import { isIP } from 'node:net'
import { z } from 'zod'
import type { Variables } from './read-config.ts'

const addressOrRange = z.string().refine((text) => {
  const [address = '', prefix, ...rest] = text.split('/')
  const bits = isIP(address) === 6 ? 128 : 32
  return rest.length === 0 && isIP(address) !== 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
}, 'must be an IP address or a range like 10.0.0.0/8')

export const publicOrigin = z
  .url({ protocol: /^https?$/ })
  .refine((text) => new URL(text).origin === text.replace(/\/$/, ''), 'must be an origin without a path')

export const listenConfigSchema = z.strictObject({
  /** 0 takes any free port. */
  port: z.int().min(0).max(65_535).default(8400),
  /** Address to listen on. Loopback by default: opening the platform to a network is a decision. */
  host: z.string().min(1).max(255).default('127.0.0.1'),
  dataDir: z.string().min(1),
  /** Origin under which the world reaches this coordinator, e.g. `https://compute.example.org`. */
  publicUrl: publicOrigin.optional(),
  /** Reverse proxies whose `X-Forwarded-For` is believed. */
  trustProxy: z.array(addressOrRange).max(64).default([]),
  /** libp2p connections that one IPv4 /24 or IPv6 /48 may hold; this machine itself is exempt. */
  subnetQuota: z.int().min(1).max(1_000_000).default(256)
})

type ListenConfig = z.infer<typeof listenConfigSchema>

export const LISTEN_ENVIRONMENT = {
  port: 'PEERCOMPUTE_PORT',
  host: 'PEERCOMPUTE_HOST',
  dataDir: 'PEERCOMPUTE_DATA',
  publicUrl: 'PEERCOMPUTE_PUBLIC_URL',
  trustProxy: 'PEERCOMPUTE_TRUST_PROXY',
  subnetQuota: 'PEERCOMPUTE_SUBNET_QUOTA'
} satisfies Variables<ListenConfig>
