/**
 * What goes between a ComputeWorker and the program that runs its units: a `data:` worker in the sandbox, a thread, or
 * this process. One order at a time; a `run` order is answered by one `value` or `failure` for each unit, in order. Between them
 * the running unit may tell its `progress` (at most ten times a second) and hand over a `saved` state (at most once in two seconds).
 */
import { z } from 'zod'
import { CHECKPOINT_MAX_BYTES, UNIT_VALUE_MAX_BYTES, unitFailureSchema, unitIndexSchema, type UnitFailure } from '@peercompute/job-specs'
import type { Lending } from '../compute-worker.ts'

export const MESSAGE_MAX_LENGTH = 2_000

export type UnitOrder<Task> =
  | { readonly type: 'load'; readonly task: Task }
  /** `resume`: a saved state of unit `start`. */
  | { readonly type: 'run'; readonly start: number; readonly count: number; readonly resume?: Uint8Array<ArrayBuffer> }
  /** At any time, also while a unit runs; has no answer. */
  | { readonly type: 'lend'; readonly lending: Lending }

/** Why a program cannot run any unit of a job, or why one unit failed. */
export interface Refusal {
  readonly reason: UnitFailure
  readonly message: string
}

/** The view must be its whole buffer: a clone carries the buffer, whatever the view shows. */
const valueSchema = z
  .instanceof(Uint8Array<ArrayBuffer>)
  .refine((value) => value.byteLength <= UNIT_VALUE_MAX_BYTES && value.buffer.byteLength === value.byteLength, 'must own at most 1 MiB')
const stateSchema = z
  .instanceof(Uint8Array<ArrayBuffer>)
  .refine((state) => state.byteLength <= CHECKPOINT_MAX_BYTES && state.buffer.byteLength === state.byteLength, 'must own at most 16 MiB')
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
  }),
  z.strictObject({ type: z.literal('progress'), unit: unitIndexSchema, fraction: z.number().min(0).max(1) }),
  z.strictObject({ type: z.literal('saved'), unit: unitIndexSchema, state: stateSchema })
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
