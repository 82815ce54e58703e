import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { afterEach, expect, it } from 'vitest'
import { muxer } from './muxer.ts'
import { YAMUX } from './settings.ts'
import { until } from './testing/until.ts'
import type { Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'

const open: StreamMuxer[] = []
afterEach(() => {
  for (const made of open.splice(0)) made.abort(new Error('the test is over'))
})

/** Sends `messages` of `bytes` over one stream, and counts what the receiver's muxer sends back. */
async function answersTo(factory: () => StreamMuxerFactory, messages: number, bytes: number): Promise<number> {
  const [near, far] = multiaddrConnectionPair()
  const [sender, receiver] = [factory().createStreamMuxer(near), factory().createStreamMuxer(far)]
  open.push(sender, receiver)
  let received = 0
  receiver.addEventListener('stream', ({ detail: stream }: CustomEvent<Stream>) => {
    stream.addEventListener('message', ({ data }) => {
      received += data.byteLength
    })
  })
  const stream = await sender.createStream()
  await until(() => receiver.streams.length === 1, 'the stream is there')
  let answers = 0
  near.addEventListener('message', () => {
    answers++
  })
  for (let sent = 0; sent < messages; sent++) {
    stream.send(new Uint8Array(bytes))
    await until(() => received === (sent + 1) * bytes, 'the message has come')
  }
  return answers
}

it('tells the sender of room only when half a window is used', async () => {
  expect(await answersTo(muxer(), 40, 100)).toBeLessThanOrEqual(2)
})

it('moves many windows of data', async () => {
  expect(await answersTo(muxer(), 64, 65_536)).toBeGreaterThan(2)
})

it('is needed: upstream answers each message', async () => {
  expect(await answersTo(yamux(YAMUX), 40, 100)).toBeGreaterThanOrEqual(40)
})
