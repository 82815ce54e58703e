/**
 * What goes between a ComputeWorker and the program that runs its units: a `data:` worker in the sandbox, a thread, or
 * this process. One order at a time; a `run` order is answered by one `value` or `failure` for each unit, in order.
 */
import { z } from 'zod'
import { UNIT_VALUE_MAX_BYTES, unitFailureSchema, unitIndexSchema, type UnitFailure } from '@peercompute/job-specs'

export const MESSAGE_MAX_LENGTH = 2_000

export type UnitOrder<Task> =
  { readonly type: 'load'; readonly task: Task } | { readonly type: 'run'; readonly start: number; readonly count: number }

/** Why a program cannot run any unit of a job, or why one unit failed. */
export interface Refusal {
  readonly reason: UnitFailure
  readonly message: string
}

/** The view must be its whole buffer: a clone carries the buffer, whatever the view shows. */
const valueSchema = z
  .instanceof(Uint8Array<ArrayBuffer>)
  .refine((value) => value.byteLength <= UNIT_VALUE_MAX_BYTES && value.buffer.byteLength === value.byteLength, 'must own at most 1 MiB')
const computeMsSchema = z.number().min(0).max(1e9)
const messageSchema = z.string().max(MESSAGE_MAX_LENGTH)

export const unitAnswerSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('loaded') }),
  z.strictObject({ type: z.literal('refused'), reason: unitFailureSchema, message: messageSchema }),
  z.strictObject({ type: z.literal('value'), unit: unitIndexSchema, value: valueSchema, computeMs: computeMsSchema }),
  z.strictObject({
    type: z.literal('failure'),
    unit: unitIndexSchema,
    reason: unitFailureSchema,
    message: messageSchema,
    computeMs: computeMsSchema
  })
])
export type UnitAnswer = z.infer<typeof unitAnswerSchema>

/** How a program came to its end without being asked to. */
export type ChannelEnd =
  /** Its own error: it did not parse, threw outside a unit, or broke the protocol. */
  | { readonly end: 'error'; readonly message: string }
  /** It vanished: its process died or its memory ran out. */
  | { readonly end: 'lost'; readonly message: string }

/** The way to one program. After `onEnd` or `close` nothing more arrives. */
export interface UnitChannel<Task> {
  listen(onAnswer: (answer: UnitAnswer) => void, onEnd: (end: ChannelEnd) => void): void
  post(order: UnitOrder<Task>): void
  close(): void
}
