/**
 * A saved state as it rests on a disk: a frame whose message says what it is a state of, with the state attached. The digest covers both,
 * so that a record that was damaged, cut off or moved counts as none.
 */
import {
  CHECKPOINT_MAX_BYTES,
  concat,
  contentHashSchema,
  executorKindSchema,
  jobIdSchema,
  unitIndexSchema,
  utf8,
  type Bytes,
  type ContentHash
} from '@peercompute/job-specs'
import { decodeFrames, encodeFrame } from '@peercompute/job-specs/protocol'
import { z } from 'zod'
import { digestOf } from '../digest.ts'

/** More than the message of any record takes. */
const MESSAGE_MAX_BYTES = 4_096

const nameSchema = z.strictObject({
  job: jobIdSchema,
  unit: unitIndexSchema,
  executor: executorKindSchema,
  /** SHA-256 of the program whose state it is. */
  program: contentHashSchema,
  /** The foreign checkpoint from which this execution of the unit began; null when it began here. */
  origin: contentHashSchema.nullable()
})
export type StateName = z.infer<typeof nameSchema>

const recordSchema = z.strictObject({ v: z.literal(1), name: nameSchema, digest: contentHashSchema })

export async function encodeState(name: StateName, state: Uint8Array): Promise<Bytes> {
  return encodeFrame({ v: 1, name, digest: await digestFor(name, state) }, state)
}

/** Null for what is no record of this version, or not as it was written. */
export async function decodeState(record: Uint8Array): Promise<{ readonly name: StateName; readonly state: Bytes } | null> {
  try {
    const [frame, ...more] = decodeFrames(record, CHECKPOINT_MAX_BYTES + MESSAGE_MAX_BYTES)
    const parsed = recordSchema.safeParse(frame?.message)
    if (frame === undefined || more.length > 0 || !parsed.success) return null
    const { name, digest } = parsed.data
    const state = frame.attachment.slice()
    return digest === (await digestFor(name, state)) ? { name, state } : null
  } catch {
    return null
  }
}

function digestFor({ job, unit, executor, program, origin }: StateName, state: Uint8Array): Promise<ContentHash> {
  return digestOf(concat([utf8(JSON.stringify([job, unit, executor, program, origin])), state]))
}
