/** Bytes that are no messages, through both doors of a running coordinator, while a volunteer goes on computing. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { json } from 'node:stream/consumers'
import type { JobId } from '@peercompute/job-specs'
import {
  coordinatorMessageSchema,
  decodeFrames,
  encodeFrame,
  FRAME_MEDIA_TYPE,
  FrameReader,
  WORK_FRAME_MAX_BYTES,
  WORK_PROTOCOL
} from '@peercompute/job-specs/protocol'
import { QUEENS_SOLUTIONS } from '@peercompute/kernels'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, startVolunteer, until, type TestServer } from '../harness/index.ts'
import { connectPeer, type Peer } from './parts/protocol-host.ts'
import { publish, queensJob } from './parts/publish.ts'

type Volunteer = Awaited<ReturnType<typeof startVolunteer>>

/** Large enough to be under way through the whole of this file. */
const QUEENS = 14

let server: TestServer
let volunteer: Volunteer
let peer: Peer
let id: JobId
/** Connection states of the volunteer other than `connected`, from its first result on. */
const interruptions: string[] = []
beforeAll(async () => {
  server = await startServer()
  ;({ id } = await publish(server.url, await queensJob(QUEENS)))
  ;[volunteer, peer] = await Promise.all([startVolunteer(server.url, { name: 'steady' }), connectPeer(server.url)])
  await until('the first result', async () => (await server.job(id)).units.validated > 0)
  volunteer.onChange(({ network: { connection } }) => {
    if (connection !== 'connected') interruptions.push(connection)
  })
})
afterAll(async () => {
  await peer.stop()
  await volunteer.stop()
  await server.stop()
})

/** A frame of this many bytes, its head only. */
function head(total: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, total)
  return bytes
}

const ASK = { type: 'ask', id: 7, executor: 'js', units: 1, seconds: 0, knownJobs: [] }
const NO_JSON = new Uint8Array([0, 0, 0, 6, 0, 0, 0, 2, 0x7b, 0xff])
const TOO_SHORT = new Uint8Array([0, 0, 0, 3, 0, 0, 0])
const JSON_PAST_THE_END = new Uint8Array([0, 0, 0, 6, 0, 0, 0, 9, 0x7b, 0x7d])
const CUT_OFF = encodeFrame(ASK).subarray(0, 20)

describe('over POST /api/v1/work', () => {
  const post = (body: Uint8Array) =>
    fetch(`${server.url}/api/v1/work`, { method: 'POST', headers: { 'content-type': FRAME_MEDIA_TYPE }, body: Buffer.from(body) })

  it.each([
    ['nothing', new Uint8Array(0), 400, 'FRAME_INVALID'],
    ['bytes that are no JSON', NO_JSON, 400, 'FRAME_INVALID'],
    ['a frame too short for its own head', TOO_SHORT, 400, 'FRAME_INVALID'],
    ['JSON said to be longer than the frame', JSON_PAST_THE_END, 400, 'FRAME_INVALID'],
    ['a truncated frame', CUT_OFF, 400, 'FRAME_INVALID'],
    ['a whole frame and a truncated one', Buffer.concat([encodeFrame(ASK), CUT_OFF]), 400, 'FRAME_INVALID'],
    ['text of another protocol', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), 413, 'FRAME_TOO_LARGE'],
    ['a frame over the limit', head(WORK_FRAME_MAX_BYTES + 1), 413, 'FRAME_TOO_LARGE']
  ])('%s is a problem', async (_what, body, status, code) => {
    const response = await post(body)
    expect({ status: response.status, problem: await response.json() }).toMatchObject({ status, problem: { code, status } })
  })

  it.each([
    ['that the protocol does not know', { type: 'nonsense', id: 7 }, 'FRAME_INVALID'],
    ['with a field too many', { ...ASK, colour: 'red' }, 'FRAME_INVALID'],
    ['before the hello', ASK, 'HELLO_REQUIRED']
  ])('a message %s is answered with an error frame that repeats its id', async (_what, message, code) => {
    const response = await post(encodeFrame(message))
    expect(response.status).toBe(200)
    const [answer] = decodeFrames(new Uint8Array(await response.arrayBuffer()), WORK_FRAME_MAX_BYTES)
    expect(coordinatorMessageSchema.parse(answer?.message)).toMatchObject({ type: 'error', id: 7, code })
  })

  it('a body larger than any report is refused at its announcement, before a byte of it has come', async () => {
    const headers = { 'content-type': FRAME_MEDIA_TYPE, 'content-length': 2 * WORK_FRAME_MAX_BYTES }
    const announced = request(`${server.url}/api/v1/work`, { method: 'POST', headers })
    announced.flushHeaders()
    const [response] = (await once(announced, 'response')) as [IncomingMessage]
    expect({ status: response.statusCode, problem: await json(response) }).toMatchObject({
      status: 413,
      problem: { code: 'FRAME_TOO_LARGE' }
    })
    announced.destroy()
  })

  it('no bytes at all bring it down', async () => {
    const seed = 20_260_801
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const { status } = await post(bytes)
        expect([200, 400, 413]).toContain(status)
      }),
      { numRuns: 60, seed }
    )
  })
})

describe('over a libp2p stream', () => {
  /** What the coordinator answers to these bytes before it ends the stream, as error codes. */
  async function send(...chunks: readonly Uint8Array[]): Promise<{ readonly codes: readonly string[]; readonly status: string }> {
    const [connection] = peer.node.getConnections()
    if (connection === undefined) throw new Error('the peer is not connected')
    const stream = await connection.newStream(WORK_PROTOCOL)
    const reader = new FrameReader(WORK_FRAME_MAX_BYTES)
    const codes: string[] = []
    stream.addEventListener('message', ({ data }) => {
      for (const { message } of reader.push(data.subarray())) {
        const said = coordinatorMessageSchema.parse(message)
        codes.push(said.type === 'error' ? said.code : said.type)
      }
    })
    for (const chunk of chunks) stream.send(chunk)
    // It says goodbye, or resets the stream; a stream that it left open would be a leak.
    await until('the end of the stream', () => stream.remoteWriteStatus === 'closed' || stream.status !== 'open', 4_000)
    const { status } = stream
    stream.abort(new Error('the test is over'))
    return { codes, status }
  }

  it.each([
    ['that the protocol does not know', encodeFrame({ type: 'nonsense', id: 7 }), 'FRAME_INVALID'],
    ['with a field too many', encodeFrame({ ...ASK, colour: 'red' }), 'FRAME_INVALID'],
    ['before the hello', encodeFrame(ASK), 'HELLO_REQUIRED']
  ])('a message %s is answered, and the stream ends', async (_what, bytes, code) => {
    expect((await send(bytes)).codes).toEqual([code])
  })

  it.each([
    ['bytes that are no JSON', NO_JSON],
    ['a frame too short for its own head', TOO_SHORT],
    ['a frame over the limit, before its bytes come', head(WORK_FRAME_MAX_BYTES + 1)],
    ['text of another protocol', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n')]
  ])('%s resets the stream', async (_what, bytes) => {
    expect((await send(bytes)).status).not.toBe('open')
  })

  it('a frame of which the rest never comes ends with the time for the hello', async () => {
    const [connection] = peer.node.getConnections()
    const stream = await connection?.newStream(WORK_PROTOCOL)
    stream?.send(CUT_OFF)
    await until('the end of the stream', () => stream?.remoteWriteStatus === 'closed' || stream?.status !== 'open', 15_000)
    stream?.abort(new Error('the test is over'))
  })

  it('a frame that is cut off by the goodbye ends the stream', async () => {
    const [connection] = peer.node.getConnections()
    const stream = await connection?.newStream(WORK_PROTOCOL)
    stream?.send(CUT_OFF)
    await stream?.close()
    await until('the end of the stream', () => stream?.status !== 'open' && stream?.status !== 'closing')
  })
})

it('garbage on the port itself is no more than a closed connection', async () => {
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(Buffer.from('\x00\xff\x13not HTTP at all\r\n\r\n', 'latin1'))
  socket.resume()
  await once(socket, 'close')
})

it('through all of it the same process served on, and the volunteer, never cut off, computed its job to the known answer', async () => {
  expect(server.process.child.exitCode).toBeNull()
  expect(server.process.stderr()).not.toMatch(/unexpected error|INTERNAL/)
  await until('the end of the job', async () => (await server.job(id)).state === 'completed', 90_000)
  expect((await server.job(id)).reduced).toEqual({ kind: 'sum', sum: String(QUEENS_SOLUTIONS.get(QUEENS)) })
  expect(interruptions).toEqual([])
})
