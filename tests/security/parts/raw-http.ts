/** Requests as they are written, past what `fetch` would correct or refuse. */
import { Agent, request, type OutgoingHttpHeaders } from 'node:http'

export interface RawRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Uint8Array
  /** In chunks, without saying how much it will be. */
  readonly chunked?: boolean
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

const ANSWER_MS = 20_000

/** Sends the request as it is given, over connections that are kept. */
export function createRawHttp(port: number, connections: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  return {
    send: ({ method = 'GET', path, headers = {}, body, chunked = false }: RawRequest): Promise<RawAnswer> =>
      new Promise((resolve, reject) => {
        const length = body === undefined || chunked ? {} : { 'content-length': Buffer.byteLength(body) }
        const coding = chunked ? { 'transfer-encoding': 'chunked' } : {}
        const asked = request(
          { host: '127.0.0.1', port, agent, method, path, headers: { ...length, ...coding, ...headers }, timeout: ANSWER_MS },
          (answer) => {
            const chunks: Buffer[] = []
            answer.on('data', (chunk: Buffer) => chunks.push(chunk))
            answer.on('error', reject)
            answer.on('end', () => {
              resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) })
            })
          }
        )
        asked.on('timeout', () => asked.destroy(new Error(`no answer to ${method} ${path.slice(0, 100)} in ${ANSWER_MS} ms`)))
        asked.on('error', reject)
        asked.end(body)
      }),
    close: () => {
      agent.destroy()
    }
  }
}
export type RawHttp = ReturnType<typeof createRawHttp>
