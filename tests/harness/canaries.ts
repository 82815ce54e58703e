/** Whatever a browser could reach, listening: HTTP with WebSocket and EventSource, DNS, and one UDP port for each who may send. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Names below it are the canaries' own. */
export const CANARY_ZONE = 'canary.test'

export interface Canaries {
  readonly httpPort: number
  /** What was heard, as `detector name`; the name is the first label of the host, or what `udp` was given. */
  readonly heard: ReadonlySet<string>
  /** A UDP port of its own. Returns the port. */
  udp(name: string): Promise<number>
  close(): void
}

/** `dns`: answers queries on port 53 of the address too, each name with that address. */
export async function startCanaries(address: string, { dns }: { readonly dns: boolean }): Promise<Canaries> {
  const heard = new Set<string>()
  const sockets: Socket[] = []
  const hear = (detector: string, host: string) => {
    if (host.endsWith(`.${CANARY_ZONE}`)) heard.add(`${detector} ${host.split('.')[0] ?? ''}`)
  }
  const web = createServer((request, response) => {
    hear('http', (request.headers.host ?? '').replace(/:\d+$/, ''))
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'text/javascript' }).end('')
  })
  web.on('upgrade', (request, socket) => {
    hear('websocket', (request.headers.host ?? '').replace(/:\d+$/, ''))
    socket.destroy()
  })
  web.listen(0, address)
  await once(web, 'listening')

  const bind = async (port: number, onMessage: (message: Buffer, reply: (bytes: Buffer) => void) => void): Promise<number> => {
    const socket = createSocket('udp4', (message, from) => {
      onMessage(message, (bytes) => {
        socket.send(bytes, from.port, from.address)
      })
    })
    sockets.push(socket)
    socket.bind(port, address)
    await once(socket, 'listening')
    return socket.address().port
  }
  if (dns) {
    await bind(53, (query, reply) => {
      const name = questionOf(query)
      hear('dns', name)
      reply(answerTo(query, name.endsWith(`.${CANARY_ZONE}`) ? address : null))
    })
  }
  return {
    httpPort: (web.address() as AddressInfo).port,
    heard,
    udp: (name) =>
      bind(0, () => {
        heard.add(`udp ${name}`)
      }),
    close: () => {
      web.closeAllConnections()
      web.close()
      for (const socket of sockets) socket.close()
    }
  }
}

/** RFC 1035 §4.1: a header of 12 bytes, then the labels of the first question, each behind its length. */
const HEADER_BYTES = 12

function questionOf(query: Buffer): string {
  const labels: string[] = []
  for (let at = HEADER_BYTES; at < query.length;) {
    const length = query[at] ?? 0
    if (length === 0) break
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return labels.join('.').toLowerCase()
}

/** An A record for queries of type A of a known name, no record for other types, "no such name" (3) without an address. */
function answerTo(query: Buffer, address: string | null): Buffer {
  const end = query.indexOf(0, HEADER_BYTES) + 5
  const question = query.subarray(HEADER_BYTES, end)
  const isA = address !== null && question.readUInt16BE(question.length - 4) === 1
  const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, address === null ? 0x83 : 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0])
  const record = isA ? Buffer.from([0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]) : Buffer.alloc(0)
  return Buffer.concat([header, question, record])
}
