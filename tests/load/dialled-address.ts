/**
 * Connections from many loopback addresses: in a process that has called this, whoever dials 127.x.y.z, by WebSocket or fetch, reaches
 * 127.0.0.1 and comes from 127.x.y.z there. Linux lets a socket be bound to any address of 127.0.0.0/8.
 *
 * Neither libp2p nor `WebSocket` lets a caller choose a local address; the dispatcher that Node's own fetch and WebSocket share does, and
 * the symbol is how it is replaced (undici 7, as in Node 24). Looked at when it is used, so that another Node says so.
 */
import { connect, type Socket } from 'node:net'

const DISPATCHER = Symbol.for('undici.globalDispatcher.1')

interface Target {
  readonly hostname: string
  readonly port: string
}
type Connected = (error: Error | null, socket: Socket | null) => void
type Dispatcher = new (options: {
  readonly connect: (target: Target, connected: Connected) => void
  readonly keepAliveTimeout: number
}) => object

/** Longer than a volunteer waits between two requests, so that each keeps its connection. */
const KEEP_ALIVE_MS = 60_000

/** For the whole process, until it ends. Throws where Node's fetch has no such dispatcher. */
export function comeFromDialledAddress(): void {
  const current: unknown = Reflect.get(globalThis, DISPATCHER)
  if (typeof current !== 'object' || current === null || current.constructor === Object)
    throw new Error('The dispatcher of fetch is not where it was; was Node updated?')
  const Agent = current.constructor as Dispatcher
  Reflect.set(globalThis, DISPATCHER, new Agent({ connect: connectFrom, keepAliveTimeout: KEEP_ALIVE_MS }))
}

function connectFrom({ hostname, port }: Target, connected: Connected): void {
  const local = hostname.startsWith('127.') ? { host: '127.0.0.1', localAddress: hostname } : { host: hostname }
  const socket = connect({ ...local, port: Number(port), noDelay: true })
  const failed = (error: Error): void => {
    connected(error, null)
  }
  socket.once('error', failed)
  socket.once('connect', () => {
    socket.off('error', failed)
    connected(null, socket)
  })
}

/** The address of volunteer `index`: a /24 each, so that rules of placement by subnet count every one. 127.0.0.x is left to others. */
export function loopbackAddress(index: number): string {
  const subnet = index + 1
  if (subnet > 65_535) throw new RangeError(`There is no subnet of loopback for volunteer ${index}`)
  return `127.${subnet >> 8}.${subnet & 255}.1`
}
