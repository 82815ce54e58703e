/**
 * `/peercompute/ledger/1`: feeds between two peers. Symmetric: either side sends `heads` on connect and every
 * ANTI_ENTROPY_MS; who lacks something answers `want`; `update` carries a Yjs update of one feed document as the attachment.
 * The gossip topic carries single `update` frames for what was just appended.
 *
 * A newcomer is told of the newest checkpoint with the heads: it asks for that feed and for the snapshot first, and then only for
 * feeds that the snapshot does not cover. `fork` carries the proof that an author signed two records for one place.
 */
import { z } from 'zod'
import { authorIdSchema, contentHashSchema, rootIdSchema } from '../ids.ts'
import { RECORD_MAX_BYTES } from '../record.ts'

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
    feeds: z.array(z.strictObject({ ...feedName, length: z.int().min(0).max(FEED_RECORDS_MAX) })).max(4096),
    /** The feed whose second record is the newest checkpoint of which this peer holds the snapshot. */
    checkpoint: z.strictObject({ ...feedName, snapshot: contentHashSchema }).optional()
  }),
  z.strictObject({ type: z.literal('want'), ...feedName, from: z.int().min(0).max(FEED_RECORDS_MAX) }),
  z.strictObject({ type: z.literal('update'), ...feedName }),
  z.strictObject({ type: z.literal('want-snapshot'), sha256: contentHashSchema }),
  /** The snapshot is the attachment; without one, it is not held. */
  z.strictObject({ type: z.literal('snapshot'), sha256: contentHashSchema }),
  /** Attachment: the `heldBytes` bytes of one record, then those of the other. */
  z.strictObject({
    type: z.literal('fork'),
    ...feedName,
    seq: z.int().min(0).max(FEED_RECORDS_MAX),
    heldBytes: z.int().min(1).max(RECORD_MAX_BYTES)
  })
])
export type LedgerMessage = z.infer<typeof ledgerMessageSchema>

/** First frame of a ledger as a file; `update`, `fork` and `snapshot` frames follow. `root`: the one that its owner followed. */
export const ledgerFileHeadingSchema = z.strictObject({
  type: z.literal('peercompute-ledger'),
  v: z.literal(1),
  root: rootIdSchema.nullable()
})
export const LEDGER_FILE_MAX_BYTES = 268_435_456
/** Of a ledger file that a coordinator answers to `GET /api/v1/ledger`, uncompressed. */
export const LEDGER_ANSWER_MAX_BYTES = 33_554_432
