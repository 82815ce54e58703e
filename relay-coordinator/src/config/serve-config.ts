/** Settings of a coordinator: one schema over flags and environment, read once at the start. */
import { isIP } from 'node:net'
import { PeerComputeError } from '@peercompute/job-specs'
import { z } from 'zod'

const addressOrRange = z.string().refine((text) => {
  const [address = '', prefix, ...rest] = text.split('/')
  const bits = isIP(address) === 6 ? 128 : 32
  return rest.length === 0 && isIP(address) !== 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
}, 'must be an IP address or a range like 10.0.0.0/8')

export const serveConfigSchema = z.strictObject({
  /** 0 takes any free port. */
  port: z.int().min(0).max(65_535).default(8400),
  /** Address to listen on. Loopback by default: opening the platform to a network is a decision. */
  host: z.string().min(1).max(255).default('127.0.0.1'),
  dataDir: z.string().min(1),
  /** Origin under which the world reaches this coordinator, e.g. `https://compute.example.org`. */
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .refine((text) => new URL(text).origin === text.replace(/\/$/, ''), 'must be an origin without a path')
    .optional(),
  /** Reverse proxies whose `X-Forwarded-For` is believed. */
  trustProxy: z.array(addressOrRange).max(64).default([]),
  /** Folder of the built dashboard. Without it only the API is served. */
  dashboardDir: z.string().min(1).optional()
})
export type ServeConfig = z.infer<typeof serveConfigSchema>
export type ServeConfigInput = z.input<typeof serveConfigSchema>

const ENVIRONMENT: Readonly<Record<keyof ServeConfig, string>> = {
  port: 'PEERCOMPUTE_PORT',
  host: 'PEERCOMPUTE_HOST',
  dataDir: 'PEERCOMPUTE_DATA',
  publicUrl: 'PEERCOMPUTE_PUBLIC_URL',
  trustProxy: 'PEERCOMPUTE_TRUST_PROXY',
  dashboardDir: 'PEERCOMPUTE_DASHBOARD'
}

/** Flags win over the environment. Throws CONFIG_INVALID with the setting's name in `place.path`. */
export function readServeConfig(
  flags: Readonly<Partial<Record<keyof ServeConfig, unknown>>>,
  environment: Readonly<Record<string, string | undefined>> = {}
): ServeConfig {
  const parsed = serveConfigSchema.safeParse({ ...fromEnvironment(environment), ...withoutUndefined(flags) })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const name = String(issue?.path[0] ?? '')
  const variable = Object.entries(ENVIRONMENT).find(([key]) => key === name)?.[1]
  throw new PeerComputeError(
    'CONFIG_INVALID',
    `${name}${variable === undefined ? '' : ` (${variable})`}: ${issue?.message ?? 'not understood'}`,
    { place: { path: name } }
  )
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const [key, variable] of Object.entries(ENVIRONMENT)) {
    const text = environment[variable]
    if (text === undefined || text === '') continue
    if (key === 'port') found[key] = /^\d{1,5}$/.test(text) ? Number(text) : text
    else if (key === 'trustProxy') found[key] = text.split(',').map((part) => part.trim())
    else found[key] = text
  }
  return found
}

function withoutUndefined(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
}
