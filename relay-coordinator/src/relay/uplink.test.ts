import { duplexPair } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { pipeChannel, type BytePipe, type FrameChannel } from '@peercompute/p2p'
import { until } from '@peercompute/p2p/testing'
import { joinPipes } from './join-pipes.ts'
import { createUplink, type Uplink } from './uplink.ts'

const LIMIT = 4_194_304
const ORIGIN = { remote: 'host', subnet: '192.0.2.0/24' }

interface Line {
  readonly relay: Uplink
  readonly scheduler: Uplink
  readonly origins: unknown[]
  /** The scheduler's ends, in the order in which they were opened. */
  readonly arrived: FrameChannel[]
  readonly told: unknown[]
  readonly closed: string[]
  readonly cut: () => void
}

function line(accept: (pipe: BytePipe) => FrameChannel | null = (pipe) => pipeChannel(pipe, { limit: LIMIT })): Line {
  const [near, far] = duplexPair()
  const [origins, arrived, told, closed]: [unknown[], FrameChannel[], unknown[], string[]] = [[], [], [], []]
  const scheduler = createUplink({
    socket: far,
    onTold: (message) => told.push(message),
    onOpen: (pipe, origin) => {
      origins.push(origin)
      const channel = accept(pipe)
      if (channel !== null) arrived.push(channel)
    },
    onClosed: () => closed.push('scheduler')
  })
  const relay = createUplink({ socket: near, onTold: () => undefined, onOpen: () => undefined, onClosed: () => closed.push('relay') })
  return { relay, scheduler, origins, arrived, told, closed, cut: () => near.destroy() }
}

async function next(channel: FrameChannel): Promise<unknown> {
  for await (const { message } of channel.frames) return message
  return 'ended'
}

describe('the uplink of a relay process', () => {
  it('tells who is there, and carries frames of any size both ways, in order', async () => {
    const { relay, arrived, origins } = line()
    const host = pipeChannel(relay.open(ORIGIN), { limit: LIMIT })
    await until(() => arrived.length === 1, 'the stream to arrive')
    expect(origins).toEqual([ORIGIN])
    const [scheduler] = arrived
    if (scheduler === undefined) throw new Error('no stream')
    const big = new Uint8Array(3_000_000).map((_, index) => index)
    const sent = [host.send({ n: 1 }), host.send({ n: 2 }, big), host.send({ n: 3 })]
    const seen: number[] = []
    for await (const { message, attachment } of scheduler.frames) {
      seen.push(Number(Reflect.get(Object(message), 'n')))
      if (attachment.length > 0) expect(Buffer.compare(attachment, big)).toBe(0)
      if (seen.length === 3) break
    }
    await Promise.all(sent)
    expect(seen).toEqual([1, 2, 3])
    await scheduler.send({ back: true })
    expect(await next(host)).toEqual({ back: true })
  })

  it('holds back a stream that is not read, and no other', async () => {
    const { relay, arrived } = line()
    const [slow, quick] = [relay.open(ORIGIN), relay.open({ ...ORIGIN, remote: 'other' })].map((pipe) =>
      pipeChannel(pipe, { limit: LIMIT })
    )
    if (slow === undefined || quick === undefined) throw new Error('no streams')
    const handedOver: number[] = []
    for (let n = 0; n < 8; n++) void slow.send({ n }, new Uint8Array(1_000_000)).then(() => handedOver.push(n))
    await quick.send({ quick: true })
    await until(() => arrived.length === 2, 'both streams')
    const [slowEnd, quickEnd] = arrived
    if (slowEnd === undefined || quickEnd === undefined) throw new Error('no streams')
    expect(await next(quickEnd)).toEqual({ quick: true })
    expect(handedOver.length).toBeLessThan(8)
    for (let n = 0; n < 8; n++) expect(await next(slowEnd)).toEqual({ n })
    await until(() => handedOver.length === 8, 'the slow stream to go on')
  })

  it('passes a goodbye on, and a loss as a loss', async () => {
    const { relay, arrived } = line()
    const [polite, lost] = [relay.open(ORIGIN), relay.open(ORIGIN)]
    for (const pipe of [polite, lost]) pipe.listen({ data: () => undefined, end: () => undefined })
    await until(() => arrived.length === 2, 'both streams')
    const [first, second] = arrived
    if (first === undefined || second === undefined) throw new Error('no streams')
    const reading = [next(first), next(second)] as const
    void polite.close()
    lost.abort(new Error('reset by the host'))
    expect(await reading[0]).toBe('ended')
    await expect(reading[1]).rejects.toThrow('reset by the host')
    await first.close()
    await until(() => relay.streams === 0, 'both to be forgotten')
  })

  it('ends every stream when the other process is gone', async () => {
    const { relay, arrived, closed, cut } = line()
    relay.open(ORIGIN).listen({ data: () => undefined, end: () => undefined })
    await until(() => arrived.length === 1, 'the stream')
    const [scheduler] = arrived
    if (scheduler === undefined) throw new Error('no stream')
    const reading = next(scheduler)
    cut()
    await expect(reading).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
    await until(() => closed.includes('scheduler'), 'the end to be told')
  })

  it('is closed by bytes that are no messages', async () => {
    const [near, far] = duplexPair()
    const closed: string[] = []
    createUplink({ socket: far, onTold: () => undefined, onOpen: () => undefined, onClosed: () => closed.push('scheduler') })
    near.resume()
    near.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await until(() => closed.length === 1, 'the end')
  })

  it('joins two pipes, so that what one side says reaches the other', async () => {
    const front = line((pipe) => {
      joinPipes(pipe, back.relay.open(ORIGIN))
      return null
    })
    const back = line()
    const host = pipeChannel(front.relay.open(ORIGIN), { limit: LIMIT })
    void host.send({ hello: 1 }, new Uint8Array(2_000_000))
    await until(() => back.arrived.length === 1, 'the stream at the far end')
    const [far] = back.arrived
    if (far === undefined) throw new Error('no stream')
    expect(await next(far)).toEqual({ hello: 1 })
    await far.send({ welcome: 1 })
    expect(await next(host)).toEqual({ welcome: 1 })
    const reading = next(far)
    await host.close()
    expect(await reading).toBe('ended')
  })
})
