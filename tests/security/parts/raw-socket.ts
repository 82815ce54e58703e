/** What HTTP clients refuse to send, byte by byte. */
import { connect } from 'node:net'

const ANSWER_MS = 10_000

/** Everything that comes back until the other side closes, or until it has answered and is closed by us. */
export function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let said = ''
    const done = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(said)
    }
    const timer = setTimeout(done, ANSWER_MS)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      said += chunk
      const [head = '', body] = said.split('\r\n\r\n', 2)
      const length = /content-length: (\d+)/i.exec(head)?.[1]
      if (body === undefined) return
      if (length === undefined ? !/transfer-encoding/i.test(head) || body.endsWith('0') : body.length >= Number(length)) done()
    })
    socket.on('error', done)
    socket.on('close', done)
    socket.write(text, 'latin1')
  })
}

const HOST = 'Host: 127.0.0.1\r\n'
const GET = `GET /api/v1/jobs HTTP/1.1\r\n`
const POST = `POST /api/v1/jobs HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`

/** No HTTP, or HTTP of which two readers would read different things. */
export const NO_HTTP: readonly (readonly [string, string])[] = [
  ['no HTTP', '\x00\xff\x13\r\n\r\n'],
  ['HTTP/3.0', `GET / HTTP/3.0\r\n${HOST}\r\n`],
  ['no host', `${GET}\r\n`],
  ['an unknown method', `JUMP / HTTP/1.1\r\n${HOST}\r\n`],
  ['a space in the path', `GET /api/v1/jobs /x HTTP/1.1\r\n${HOST}\r\n`],
  ['a NUL in the path', `GET /api\x00/v1 HTTP/1.1\r\n${HOST}\r\n`],
  ['a NUL in a header', `${GET}${HOST}X-A: a\x00b\r\n\r\n`],
  ['a bare line feed as the end', `${GET}X-A: b\nX-C: d\n${HOST}\n`],
  ['a folded header', `${GET}${HOST}X-A: b\r\n c\r\n\r\n`],
  ['a header without a name', `${GET}${HOST}: x\r\n\r\n`],
  ['a space before the colon', `${GET}${HOST}Content-Length : 5\r\n\r\n12345`],
  ['headers of 64 KiB', `${GET}${HOST}X-A: ${'a'.repeat(65_536)}\r\n\r\n`],
  ['3 000 headers', `${GET}${HOST}${Array.from({ length: 3_000 }, (_, at) => `X-${at}: 1\r\n`).join('')}\r\n`],
  ['a path of 64 KiB', `GET /${'a'.repeat(65_536)} HTTP/1.1\r\n${HOST}\r\n`],
  ['two lengths', `${POST}Content-Length: 2\r\nContent-Length: 7\r\n\r\n{}`],
  ['a negative length', `${POST}Content-Length: -1\r\n\r\n`],
  ['a length that is none', `${POST}Content-Length: 0x10\r\n\r\n`],
  ['a length past every number', `${POST}Content-Length: 99999999999999999999999\r\n\r\n`],
  ['length and chunks', `${POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['chunks of an unknown kind', `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['a chunk size past every number', `${POST}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n`],
  ['a chunk size that is none', `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
  ['a chunk with a long extension', `${POST}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(65_536)}\r\n`],
  ['a percent sign alone', `GET /api/v1/jobs/% HTTP/1.1\r\n${HOST}\r\n`],
  ['an expectation of something else', `${POST}Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}`]
]

const UPGRADE = `${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`
/** Upgrades of what is no door for peers. */
export const NO_UPGRADE: readonly (readonly [string, string])[] = [
  ['of a route of the API', `GET /api/v1/events HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Version: 13\r\n\r\n`],
  ['of a blob', `GET /api/v1/blobs/${'a'.repeat(64)} HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Version: 13\r\n\r\n`],
  ['of the sandbox', `GET /sandbox.html HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Version: 13\r\n\r\n`],
  ['with a foreign origin', `GET /api/v1/events HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Version: 13\r\nOrigin: https://evil.example\r\n\r\n`],
  ['with a version of nothing', `GET / HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Version: 99\r\n\r\n`],
  ['without a key', `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`],
  ['by POST', `POST / HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Version: 13\r\n\r\n`],
  ['to something else', `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`]
]
