/**
 * `/peercompute/ledger/1`: feeds between two peers. Symmetric: either side sends `heads` on connect and every
 * ANTI_ENTROPY_MS; who lacks something answers `want`; `update` carries a Yjs update of one feed document as the attachment.
 * The gossip topic carries single `update` frames for what was just appended.
 */
import { z } from 'zod'
import { authorIdSchema } from '../ids.ts'

export const LEDGER_PROTOCOL = '/peercompute/ledger/1'
export const LEDGER_TOPIC = 'peercompute/ledger/1'
export const DISCOVERY_TOPIC = 'peercompute._peer-discovery._p2p._pubsub'
export const ANTI_ENTROPY_MS = 30_000
/** Bigger gossip messages vanish without an error; these go over a stream. */
export const GOSSIP_MAX_BYTES = 65_536
export const FEED_RECORDS_MAX = 10_000
export const FEED_MAX_BYTES = 2_097_152

const feedName = {
  author: authorIdSchema,
  epoch: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
}

export const ledgerMessageSchema = z.discriminatedUnion('type', [
  /** `length`: records held of each feed. */
  z.strictObject({
    type: z.literal('heads'),
    feeds: z.array(z.strictObject({ ...feedName, length: z.int().min(0).max(FEED_RECORDS_MAX) })).max(4096)
  }),
  z.strictObject({ type: z.literal('want'), ...feedName, from: z.int().min(0).max(FEED_RECORDS_MAX) }),
  z.strictObject({ type: z.literal('update'), ...feedName })
])
export type LedgerMessage = z.infer<typeof ledgerMessageSchema>
