/** One request to the coordinator: deadline, problem details, and a zod schema between the network and the page. */
import { ERRORS, PeerComputeError, type ErrorCode } from '@peercompute/job-specs'
import { z } from 'zod'

/** "The coordinator did not answer for 10 seconds." */
export const ANSWER_TIMEOUT_MS = 10_000
const TOKEN_KEY = 'peercompute.token'

const problemSchema = z.object({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  detail: z.string().max(4_000),
  place: z
    .object({ file: z.string().optional(), line: z.int().optional(), column: z.int().optional(), path: z.string().optional() })
    .optional()
})

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly json?: object
  readonly bytes?: Uint8Array<ArrayBuffer>
  readonly signal?: AbortSignal
  /** The answer is read as it comes: the deadline is for its beginning. */
  readonly stream?: true
}

/** Kept for this tab only; asked for when the coordinator wants one. */
export function rememberToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token)
}

export function hasToken(): boolean {
  return sessionStorage.getItem(TOKEN_KEY) !== null
}

function bodyOf(options: RequestOptions): Pick<RequestInit, 'body' | 'headers'> {
  const token = sessionStorage.getItem(TOKEN_KEY)
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
  if (options.json !== undefined) return { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(options.json) }
  if (options.bytes !== undefined) return { headers: { ...headers, 'content-type': 'application/octet-stream' }, body: options.bytes }
  return { headers }
}

async function failure(response: Response): Promise<PeerComputeError> {
  const problem = problemSchema.safeParse(await response.json().catch(() => null))
  if (!problem.success) return new PeerComputeError('COORDINATOR_UNREACHABLE', `It answered ${response.status} without a reason.`)
  const { code, detail, place } = problem.data
  const known = place === undefined ? undefined : Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined))
  return new PeerComputeError(code, detail, known === undefined ? {} : { place: known })
}

/** Rejects with PeerComputeError; with the signal's reason when the caller gave up. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const late = new AbortController()
  const deadline = late.signal
  const timer = setTimeout(() => {
    late.abort(new DOMException('no answer', 'TimeoutError'))
  }, ANSWER_TIMEOUT_MS)
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline])
  let response: Response
  try {
    response = await fetch(path, { method: options.method ?? 'GET', signal, ...bodyOf(options) })
  } catch (error) {
    options.signal?.throwIfAborted()
    const detail = deadline.aborted ? `It did not answer for ${ANSWER_TIMEOUT_MS / 1000} seconds.` : 'No connection could be made.'
    throw new PeerComputeError('COORDINATOR_UNREACHABLE', detail, { cause: error })
  }
  if (options.stream === true) clearTimeout(timer)
  if (!response.ok) throw await failure(response)
  return response
}

export async function ask<T extends z.ZodType>(path: string, schema: T, options: RequestOptions = {}): Promise<z.output<T>> {
  const response = await send(path, options)
  const parsed = schema.safeParse(await response.json())
  if (!parsed.success)
    throw new PeerComputeError('PROTOCOL_UNSUPPORTED', 'The answer has another form than this page knows.', { cause: parsed.error })
  return parsed.data
}
