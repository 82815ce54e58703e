/**
 * `/peercompute/peers/1`: a relay introduces its clients to each other. The client opens one stream to each of its relays and sends
 * its announcement (the attachment, in the form of the discovery topic) whenever its addresses change; the connection proves whose
 * it is. The relay hands announcements on in batches: to a newcomer those of the others, and later those that are new, so that
 * a crowd that comes at once costs one frame for each client and tick, and not one message for each pair.
 */
import { z } from 'zod'

export const PEERS_PROTOCOL = '/peercompute/peers/1'
export const PEERS_FRAME_MAX_BYTES = 65_536
/** A public key and a few addresses. */
export const ANNOUNCEMENT_MAX_BYTES = 2_048
export const PEERS_PER_FRAME_MAX = 64
const CROWD_MAX = 1_000_000

export const peerIntroductionSchema = z.strictObject({ type: z.literal('introduce') })
export type PeerIntroduction = z.infer<typeof peerIntroductionSchema>

export const peersSchema = z
  .strictObject({
    type: z.literal('peers'),
    /** Clients that this relay introduces, and the place of the one who is told, from 0, in the order of their PeerIds. */
    crowd: z.int().min(1).max(CROWD_MAX),
    rank: z.int().min(0).max(CROWD_MAX),
    /** Bytes of each announcement in the attachment. */
    sizes: z.array(z.int().min(1).max(ANNOUNCEMENT_MAX_BYTES)).max(PEERS_PER_FRAME_MAX)
  })
  .refine(({ crowd, rank }) => rank < crowd, 'rank must be below crowd')
export type PeersMessage = z.infer<typeof peersSchema>
