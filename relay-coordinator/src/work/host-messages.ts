/** From an untrusted frame to a message, and from an error to the frame that tells the host. */
import { ERRORS, PeerComputeError, type ErrorCode } from '@peercompute/job-specs'
import { hostMessageSchema, type CoordinatorMessage, type Frame, type HostMessage } from '@peercompute/job-specs/protocol'
import { z } from 'zod'
import { versionFor } from './introductions.ts'

const anyHelloSchema = z.looseObject({ type: z.literal('hello'), minVersion: z.int().min(1), maxVersion: z.int().min(1) })
const withIdSchema = z.looseObject({
  id: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
})

/** Throws FRAME_INVALID, or PROTOCOL_UNSUPPORTED for a hello of another protocol version, whatever else it holds. */
export function readHostMessage(frame: Frame): HostMessage {
  const parsed = hostMessageSchema.safeParse(frame.message)
  if (parsed.success) return parsed.data
  const hello = anyHelloSchema.safeParse(frame.message)
  if (hello.success) versionFor(hello.data)
  const [issue] = parsed.error.issues
  throw new PeerComputeError('FRAME_INVALID', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}`)
}

/** Id of the request that a frame carries, 0 when it has none. */
export function requestIdOf(frame: Frame): number {
  const parsed = withIdSchema.safeParse(frame.message)
  return parsed.success ? parsed.data.id : 0
}

export function errorMessageFor(id: number, error: PeerComputeError): CoordinatorMessage {
  return { type: 'error', id, code: error.code, detail: error.detail.slice(0, 1_000) }
}

const FATAL: ReadonlySet<ErrorCode> = new Set([
  'FRAME_INVALID',
  'FRAME_TOO_LARGE',
  'PROTOCOL_UNSUPPORTED',
  'HELLO_REQUIRED',
  'HELLO_INVALID',
  'RATE_LIMITED'
])

/** Errors after which nothing sensible can follow on the same stream. */
export function endsTheStream(code: ErrorCode): boolean {
  return FATAL.has(code) || ERRORS[code].status === 401
}
