/** What the page and the sandbox frame say to each other. The frame is not trusted: its messages go through the schema. */
import { z } from 'zod'
import { MESSAGE_MAX_LENGTH, unitAnswerSchema, type UnitOrder } from '../compute/pool/unit-protocol.ts'
import { BATCH_MAX_MESSAGES } from './frame-batches.ts'

/** `cpu` runs job code behind the prelude. `gpu` is the WebGPU runner: our code only, WGSL comes as data. */
export type SandboxProgram = 'cpu' | 'gpu'

export type FrameOrder =
  | { readonly type: 'ping'; readonly count: number }
  /** `script` is the job's own, appended to the program; empty for `gpu` and WASM. */
  | { readonly type: 'open'; readonly worker: number; readonly program: SandboxProgram; readonly script: string }
  | { readonly type: 'order'; readonly worker: number; readonly order: UnitOrder<unknown> }
  | { readonly type: 'close'; readonly worker: number }

/** What the page says. `heard`: it has taken a batch, and the next one may come. */
export type FrameWord = FrameOrder | { readonly type: 'heard' }

const workerSchema = z.int().min(1)

export const frameMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('pong'), count: z.int() }),
  z.strictObject({ type: z.literal('answer'), worker: workerSchema, answer: unitAnswerSchema }),
  z.strictObject({ type: z.literal('ended'), worker: workerSchema, message: z.string().max(MESSAGE_MAX_LENGTH) })
])
export type FrameMessage = z.infer<typeof frameMessageSchema>

/** What a browser's frame posts. */
export const frameBatchSchema = z.array(frameMessageSchema).min(1).max(BATCH_MAX_MESSAGES)
