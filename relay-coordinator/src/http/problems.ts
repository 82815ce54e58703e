/** Every error of the API as problem details (RFC 9457) with a code of the catalogue. */
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { PeerComputeError, toProblem, type ErrorCode, type ErrorPlace } from '@peercompute/job-specs'
import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify'
import { z } from 'zod'
import { errorCode } from '../config/error-code.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Code for a body that does not fit the route's schema. REQUEST_INVALID when not given. */
    invalidBody?: ErrorCode
    /** Code for a body over the route's limit. REQUEST_INVALID when not given. */
    bodyTooLarge?: ErrorCode
  }
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  remedy: z.string(),
  place: z
    .object({ file: z.string().optional(), line: z.int().optional(), column: z.int().optional(), path: z.string().optional() })
    .optional()
})

/** For a route's `response`: how it answers when it refuses. */
export const problemResponse = {
  '4xx': { description: 'Problem details (RFC 9457)', content: { [PROBLEM_MEDIA_TYPE]: { schema: problemSchema } } }
} as const

/** For `response` of a route that streams: OpenAPI says bytes, the program sends a stream or a buffer as it is. */
export const bytesSchema = z
  .union([z.instanceof(Readable), z.instanceof(Uint8Array), z.string()])
  .meta({ type: 'string', format: 'binary' })

export function binaryResponse(description: string, mediaType: string) {
  return { description, content: { [mediaType]: { schema: bytesSchema } } }
}

/** What a refused schema check is passed on as, until the error handler knows the route's own code. */
class InvalidPart extends Error {
  readonly part: string
  readonly issue: z.core.$ZodIssue

  constructor(part: string, issue: z.core.$ZodIssue) {
    super(issue.message)
    this.part = part
    this.issue = issue
  }
}

/** Parses by zod and keeps the path of the first issue. */
export const validateWithZod: FastifySchemaCompiler<z.ZodType> =
  ({ schema, httpPart = '' }) =>
  (data: unknown) => {
    const parsed = schema.safeParse(data)
    if (parsed.success) return { value: parsed.data }
    const [issue] = parsed.error.issues
    return { error: issue === undefined ? parsed.error : new InvalidPart(httpPart, issue) }
  }

export function sendProblem(reply: FastifyReply, error: PeerComputeError): FastifyReply {
  const problem = toProblem(error)
  if (error.code === 'RECOVERING') void reply.header('retry-after', '5')
  if (error.code === 'STORE_FULL') void reply.header('retry-after', '30')
  return reply.code(problem.status).type(PROBLEM_MEDIA_TYPE).send(problem)
}

/** `onFault` is told about what is no expected refusal; its text never leaves the server. */
export function problemHandler(onFault: (error: unknown) => void) {
  return (error: FastifyError | PeerComputeError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const known = toPeerComputeError(error, request)
    if (known.code === 'INTERNAL') onFault(error)
    // The rest of a body that is refused half-way is not waited for.
    if (known.code === 'BLOB_TOO_LARGE' || known.code === 'FRAME_TOO_LARGE') void reply.header('connection', 'close')
    return sendProblem(reply, known)
  }
}

/** What is no HTTP never becomes a request: it is answered on the socket itself, which then ends. */
export function refuseNoHttp(error: Error, socket: Socket): void {
  if (errorCode(error) === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const body = JSON.stringify(
    toProblem(new PeerComputeError('REQUEST_INVALID', 'what arrived is no HTTP/1.1 request, or its headers are too large'))
  )
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

function toPeerComputeError(error: Error, request: FastifyRequest): PeerComputeError {
  const { config } = request.routeOptions
  if (error instanceof PeerComputeError) return error
  if (error instanceof InvalidPart) {
    const code = error.part === 'body' ? (config.invalidBody ?? 'REQUEST_INVALID') : 'REQUEST_INVALID'
    return invalid(code, error.issue, error.part)
  }
  const code = errorCode(error)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new PeerComputeError(config.bodyTooLarge ?? 'REQUEST_INVALID', 'the body is larger than this route allows', { cause: error })
  if ('statusCode' in error && typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500) {
    return new PeerComputeError('REQUEST_INVALID', error.message, { cause: error })
  }
  return new PeerComputeError('INTERNAL', 'the log of the coordinator describes it', { cause: error })
}

/** `spec.` is how the API wraps a job; the path is given as the author wrote it. */
function invalid(code: ErrorCode, issue: z.core.$ZodIssue, part: string): PeerComputeError {
  const path = [...issue.path.map(String), ...(issue.code === 'unrecognized_keys' ? [issue.keys[0] ?? ''] : [])].join('.')
  const place: ErrorPlace = { path: code === 'JOB_INVALID' ? path.replace(/^spec\./, '') : path }
  return new PeerComputeError(
    code,
    `${part === 'body' || part === '' ? '' : `${part}: `}${place.path === '' ? '' : `${place.path ?? ''}: `}${issue.message}`,
    { place }
  )
}
