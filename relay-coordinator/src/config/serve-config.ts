/** Settings of a coordinator: one schema over flags and environment, read once at the start. */
import { z } from 'zod'
import { iceServerSchema } from './ice-server.ts'
import { LISTEN_ENVIRONMENT, listenConfigSchema } from './listen-config.ts'
import { readConfig, type Environment, type Flags, type Variables } from './read-config.ts'

/** As a relay announces itself: `GET /api/v1/relay` lists them. */
const relayAddress = z
  .string()
  .max(512)
  .regex(
    /^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(\/tls)?\/wss?\/p2p\/[A-Za-z0-9]+$/,
    'must be like /dns4/relay.example.org/tcp/443/tls/ws/p2p/12D3…'
  )

export const serveConfigSchema = listenConfigSchema.extend({
  /** Folder of the built dashboard. Without it only the API is served. */
  dashboardDir: z.string().min(1).optional(),
  /** Addresses of further relays, which go on when this coordinator is away. */
  alsoRelay: z.array(relayAddress).max(16).default([]),
  /** STUN and TURN servers that clients are told of. None by default: nobody else is asked. */
  iceServers: z.array(iceServerSchema).max(16).default([]),
  /** Takes jobs, settlements and credit from what peers remember, before any work is taken. For a lost database. */
  recover: z.boolean().default(false),
  /** The same from an exported ledger. */
  recoverFrom: z.string().min(1).optional()
})
export type ServeConfig = z.infer<typeof serveConfigSchema>
export type ServeConfigInput = z.input<typeof serveConfigSchema>

const ENVIRONMENT = {
  ...LISTEN_ENVIRONMENT,
  dashboardDir: 'PEERCOMPUTE_DASHBOARD',
  alsoRelay: 'PEERCOMPUTE_ALSO_RELAY',
  iceServers: 'PEERCOMPUTE_ICE_SERVERS',
  recover: 'PEERCOMPUTE_RECOVER',
  recoverFrom: 'PEERCOMPUTE_RECOVER_FROM'
} satisfies Variables<ServeConfig>

/** Throws CONFIG_INVALID with the setting's name in `place.path`. */
export function readServeConfig(flags: Flags<ServeConfig>, environment: Environment = {}): ServeConfig {
  return readConfig(serveConfigSchema, ENVIRONMENT, flags, environment)
}
