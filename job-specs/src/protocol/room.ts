/**
 * What the members of a room say to each other, always sealed with the room's key: nobody without the link reads it, and a stream
 * whose first frame does not open is closed without an answer. The protocol ids are the same for all rooms; which room is meant is
 * told by the key that opens the first frame.
 */
import { z } from 'zod'
import { hostIdSchema, jobIdSchema, timestampSchema, unitIndexSchema } from '../ids.ts'
import { blobRequestSchema } from './blob.ts'

export const ROOM_LEDGER_PROTOCOL = '/peercompute/room-ledger/1'
export const ROOM_WORK_PROTOCOL = '/peercompute/room-work/1'
export const ROOM_DATA_PROTOCOL = '/peercompute/room-data/1'

/** A member says that it is there, this often. */
export const ROOM_BEAT_MS = 2_000
/** Who was not heard for so long is gone. */
export const ROOM_GONE_MS = 10_000
/** A beat is believed when the sender's clock and one's own differ by less: an older recording of it is not. */
export const ROOM_CLOCK_SKEW_MS = 300_000
export const ROOM_BEAT_MAX_BYTES = 2_048

export const roomBeatSchema = z.strictObject({
  v: z.literal(1),
  /** PeerId: each node has its own, new at each start. */
  peer: z.string().min(8).max(128),
  /** Installation key. */
  host: hostIdSchema,
  /** Public name of the machine, empty unless its owner chose one. */
  label: z.string().max(64),
  /** Sender's clock. */
  joinedAt: timestampSchema,
  /** Which term this member serves as the leader, from 1; 0: it does not lead. */
  term: z
    .int()
    .min(0)
    .max(2 ** 31),
  /** Highest term that this member has heard of. */
  lastTerm: z
    .int()
    .min(0)
    .max(2 ** 31),
  /** Counts this member's beats, so that a recorded one cannot be played again. */
  count: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
  /** Sender's clock. */
  at: timestampSchema,
  /** The last beat: it goes now. */
  leaving: z.boolean()
})
export type RoomBeat = z.infer<typeof roomBeatSchema>

/**
 * `room-data`: bytes of blobs (answered as in `/peercompute/blob/1`) and settled values, from any member. `follow` is answered by
 * `values` frames: what is held, then what comes. The leader is the first to have a value, so members follow the leader.
 */
export const roomDataRequestSchema = z.discriminatedUnion('type', [blobRequestSchema, z.strictObject({ type: z.literal('follow') })])
export type RoomDataRequest = z.infer<typeof roomDataRequestSchema>

export const ROOM_VALUES_MAX = 4_096
/** Attachment: the values of units `start … start + count − 1`, one after the other; all of a job's units have the same length. */
export const roomValuesSchema = z.strictObject({
  type: z.literal('values'),
  job: jobIdSchema,
  start: unitIndexSchema,
  count: z.int().min(1).max(ROOM_VALUES_MAX)
})
export type RoomValues = z.infer<typeof roomValuesSchema>
