/** What a cage says: the messages of the browser's sandbox frame, and how much memory the process takes. */
import { z } from 'zod'
import { CHECKPOINT_MAX_BYTES } from '@peercompute/job-specs'
import { frameMessageSchema } from '../sandbox/frame-messages.ts'

/** Attachments of one message: a saved state is the largest. */
export const CAGE_MESSAGE_MAX_BYTES = CHECKPOINT_MAX_BYTES

export const cageMessageSchema = z.discriminatedUnion('type', [
  ...frameMessageSchema.options,
  /** Resident bytes, before each `pong`. */
  z.strictObject({ type: z.literal('memory'), bytes: z.number().min(0) })
])
export type CageMessage = z.infer<typeof cageMessageSchema>
