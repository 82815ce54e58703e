/** What the scheduler and its relay processes tell each other. */
import { ERRORS, rootIdSchema, type ErrorCode } from '@peercompute/job-specs'
import { z } from 'zod'

export const toRelaySchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    port: z.int(),
    host: z.string(),
    dataDir: z.string(),
    publicUrl: z.string().optional(),
    trustProxy: z.array(z.string()),
    subnetQuota: z.int(),
    coordinatorRoot: rootIdSchema
  }),
  /** Relays to keep connected to, so that gossip and ledger reach the clients of all; `peers`: these, and those that dial it. */
  z.object({ type: z.literal('neighbours'), addresses: z.array(z.string()), peers: z.array(z.string()) }),
  /** Ends all connections of a peer. */
  z.object({ type: z.literal('cut'), peer: z.string(), why: z.string() })
])
export type ToRelay = z.infer<typeof toRelaySchema>
export type StartRelay = Extract<ToRelay, { type: 'start' }>

const errorCode = z.custom<ErrorCode>((value) => typeof value === 'string' && Object.hasOwn(ERRORS, value))

export const fromRelaySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), peerId: z.string(), port: z.int(), addresses: z.array(z.string()) }),
  z.object({ type: z.literal('failed'), code: errorCode, detail: z.string() }),
  /** Every STATE_MS: how many peers are connected, neighbours aside. Its absence shows that the process hangs. */
  z.object({ type: z.literal('state'), clients: z.int() })
])
export type FromRelay = z.infer<typeof fromRelaySchema>

/** Who is at the far end of a stream: PeerId, and where its address lies. */
export const originSchema = z.object({ remote: z.string(), subnet: z.string() })
export type StreamOrigin = z.infer<typeof originSchema>
export const STATE_MS = 1_000
