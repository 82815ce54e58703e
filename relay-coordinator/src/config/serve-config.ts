/** Settings of a coordinator: one schema over flags and environment, read once at the start. */
import { PeerComputeError } from '@peercompute/job-specs'
import { PROOF_OF_WORK_BITS_MAX } from '@peercompute/job-specs/protocol'
import { z } from 'zod'
import { newResearcherPolicies } from '../access/researchers.ts'
import { DEFAULT_POLICY } from '../core/index.ts'
import { iceServerSchema } from './ice-server.ts'
import { LISTEN_ENVIRONMENT, listenConfigSchema, publicOrigin } from './listen-config.ts'
import { readConfig, type Environment, type Flags, type Variables } from './read-config.ts'

export const RELAYS_MAX = 64

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
  /** Relay processes that meet the clients in place of the coordinator's own, so that further cores are used. */
  relays: z.int().min(0).max(RELAYS_MAX).default(0),
  /** Port of the first of them; the others follow. By default the port after the coordinator's. 0 takes free ones. */
  relayPort: z
    .int()
    .min(0)
    .max(65_535 - RELAYS_MAX)
    .optional(),
  /** Origin under which the world reaches each of them, in order, behind a proxy that ends TLS. */
  relayUrls: z.array(publicOrigin).max(RELAYS_MAX).default([]),
  /** What becomes of the first job of an unknown author. Not given: `ask` with a public URL, `admit` without. */
  newResearchers: z.enum(newResearcherPolicies).optional(),
  /** Jobs that one researcher may have open at the same time, and units that these may have in all. */
  openJobs: z.int().min(1).max(1_000_000).default(DEFAULT_POLICY.openJobsPerAuthor),
  openUnits: z
    .int()
    .min(1)
    .max(2 ** 53 - 1)
    .default(DEFAULT_POLICY.openUnitsPerAuthor),
  /** Largest part of a job under independence `subnet` that one network may give while there are others; 1: all of it. */
  subnetShare: z.number().min(0.01).max(1).default(DEFAULT_POLICY.subnetShare),
  /** Leading zero bits of the proof of work that a new host brings with its first ask; 0: none. Each bit doubles the work. */
  proofOfWork: z.int().min(0).max(PROOF_OF_WORK_BITS_MAX).default(0),
  /** Bytes of the disk that are kept free: below, no work is given out. Not given: 200 MB, and of a disk of less than 4 GB 5 %. */
  minFree: z
    .int()
    .min(0)
    .max(2 ** 50)
    .optional(),
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
  relays: 'PEERCOMPUTE_RELAYS',
  relayPort: 'PEERCOMPUTE_RELAY_PORT',
  relayUrls: 'PEERCOMPUTE_RELAY_URLS',
  newResearchers: 'PEERCOMPUTE_NEW_RESEARCHERS',
  openJobs: 'PEERCOMPUTE_OPEN_JOBS',
  openUnits: 'PEERCOMPUTE_OPEN_UNITS',
  subnetShare: 'PEERCOMPUTE_SUBNET_SHARE',
  proofOfWork: 'PEERCOMPUTE_PROOF_OF_WORK',
  minFree: 'PEERCOMPUTE_MIN_FREE',
  recover: 'PEERCOMPUTE_RECOVER',
  recoverFrom: 'PEERCOMPUTE_RECOVER_FROM'
} satisfies Variables<ServeConfig>

/** Throws CONFIG_INVALID with the setting's name in `place.path`. */
export function readServeConfig(flags: Flags<ServeConfig>, environment: Environment = {}): ServeConfig {
  const config = readConfig(serveConfigSchema, ENVIRONMENT, flags, environment)
  checkRelayUrls(config)
  return config
}

/** Throws CONFIG_INVALID when clients could not know where the relays are. */
function checkRelayUrls({ relays, relayUrls, relayPort, port, publicUrl }: ServeConfig): void {
  const wrong = (detail: string): never => {
    throw new PeerComputeError('CONFIG_INVALID', detail, { place: { path: 'relayUrls' } })
  }
  if (relays === 0) return
  if (relayUrls.length > 0 && relayUrls.length !== relays)
    wrong(`relayUrls: ${relayUrls.length} are given for ${relays} relays; give each its own`)
  if (publicUrl === undefined || relayUrls.length > 0) return
  if (publicUrl.startsWith('https:'))
    wrong(`relayUrls: behind TLS each of the ${relays} relays needs an origin of its own: give --relay-url ${relays} times`)
  if ((relayPort ?? port) === 0) wrong('relayUrls: relays on free ports cannot be announced under the public URL; give --relay-port')
}
