/** One request to a coordinator: deadline, problem details, checked answer. */
import { ERRORS, PeerComputeError, type ErrorCode } from '@peercompute/job-specs'
import { z } from 'zod'

const REQUEST_TIMEOUT_MS = 30_000
/** The largest answer is a page of results; more is not from a coordinator. */
const ANSWER_MAX_BYTES = 67_108_864

const problemSchema = z.object({
  code: z.string(),
  detail: z.string().max(8_000),
  place: z
    .object({ file: z.string().optional(), line: z.number().optional(), column: z.number().optional(), path: z.string().optional() })
    .optional()
})

export interface HttpInit {
  readonly url: string
  readonly token?: string
  readonly signal: AbortSignal
}

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly json?: unknown
  readonly bytes?: Uint8Array<ArrayBuffer>
  readonly accept?: string
  readonly signal?: AbortSignal
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

function unreachable(url: string, why: string, cause?: unknown): PeerComputeError {
  return new PeerComputeError('COORDINATOR_UNREACHABLE', `${url}: ${why}`, { cause })
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}

async function textOf(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > ANSWER_MAX_BYTES) throw unreachable(url, `the answer is larger than ${ANSWER_MAX_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The refusal that the coordinator sent, or that something else than a coordinator answered. */
function refusal(response: Response, text: string, url: string): PeerComputeError {
  const problem = problemSchema.safeParse(parseJson(text))
  if (problem.success && isErrorCode(problem.data.code)) {
    const { file, line, column, path } = problem.data.place ?? {}
    const place = {
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
      ...(path === undefined ? {} : { path })
    }
    return new PeerComputeError(problem.data.code, problem.data.detail, { place })
  }
  return unreachable(url, `status ${response.status}, which is not the answer of a coordinator`)
}

/**
 * Sends, and resolves with the response once its status is good. Rejects with the coordinator's own refusal, or
 * COORDINATOR_UNREACHABLE; with the signal's reason when `init.signal` aborts.
 */
export async function send(init: HttpInit, path: string, request: HttpRequest = {}): Promise<Response> {
  const url = `${init.url}/api/v1${path}`
  const body = request.bytes ?? (request.json === undefined ? undefined : JSON.stringify(request.json))
  const response = await fetch(url, {
    method: request.method ?? 'GET',
    headers: {
      accept: request.accept ?? 'application/json',
      ...(request.bytes ? { 'content-type': 'application/octet-stream' } : {}),
      ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(init.token === undefined ? {} : { authorization: `Bearer ${init.token}` })
    },
    ...(body === undefined ? {} : { body }),
    signal: request.signal ?? AbortSignal.any([init.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)])
  }).catch((error: unknown) => {
    init.signal.throwIfAborted()
    request.signal?.throwIfAborted()
    throw unreachable(init.url, reasonOf(error), error)
  })
  if (response.ok) return response
  throw refusal(response, await textOf(response, init.url), init.url)
}

/** Sends, and checks the answer against its schema. */
export async function ask<T>(init: HttpInit, path: string, schema: z.ZodType<T>, request: HttpRequest = {}): Promise<T> {
  const response = await send(init, path, request)
  const parsed = schema.safeParse(parseJson(await textOf(response, init.url)))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new PeerComputeError(
    'PROTOCOL_UNSUPPORTED',
    `${init.url}${path}: the answer has an unexpected form at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? ''}`
  )
}
