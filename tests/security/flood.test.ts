/** Who asks for nothing, again and again, is put out. At length: soak/flood.test.ts. */
import { WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { openChannel } from '@peercompute/p2p'
import { createMemoryOutboxStore, createOutbox } from '@peercompute/worker-client'
import { createIdentity } from '@peercompute/worker-client/node'
import { expect, it } from 'vitest'
import { startServer, until } from '../harness/index.ts'
import { connectPeer, joinByHand, unitsOf } from '../integration/parts/protocol-host.ts'
import { ownJob, publish } from '../integration/parts/publish.ts'
import { withstand } from './parts/flood.ts'
import { helloOf } from './parts/fuzz-http.ts'

/** 300 results. Ten reports more than a budget has room for: those take 2 s. */
const REPORTS = 60
const UNITS = 5
/** IN_FLIGHT_MAX of worker-client/src/outbox/report-sender.ts. */
const REPORTS_AT_ONCE = 4

it('who was cut is turned away at the door, with the same key', async () => {
  const server = await startServer()
  const peer = await connectPeer(server.url)
  try {
    const { certificate } = await createIdentity({ label: '', now: Date.now(), extractableHost: true })
    /** How many frames came back. Rejects when there is no connection, and when the stream is reset. */
    const sayHello = async (times: number): Promise<number> => {
      const channel = await openChannel(peer.node, peer.coordinatorPeer, WORK_PROTOCOL, {
        limit: WORK_FRAME_MAX_BYTES,
        signal: AbortSignal.timeout(5_000)
      })
      await Promise.all(Array.from({ length: times }, () => channel.send(helloOf(certificate, {}))))
      let answers = 0
      for await (const _frame of channel.frames) answers += 1
      return answers
    }
    await sayHello(500).catch(() => undefined)
    await until('the cut', () => peer.node.getConnections().length === 0)
    const answers = await Promise.allSettled([1, 2, 3].map(sayHello))
    expect(answers.filter((answer) => answer.status === 'fulfilled' && answer.value > 0)).toEqual([])
    // Somebody else from the same address is let in.
    const neighbour = await connectPeer(server.url)
    await neighbour.stop()
  } finally {
    await peer.stop()
    await server.stop()
  }
})

it('an outbox full of results that are known by now is taken, if slowly, and its host is not put out', async () => {
  const server = await startServer()
  try {
    const { id } = await publish(server.url, ownJob('known', { js: 'export default () => ({ y: [1] })' }, { unitCount: 10_000 }))
    const host = await joinByHand(server.url, 'libp2p')
    const outbox = await createOutbox({ store: createMemoryOutboxStore(), host: host.identity.certificate.host })
    for (let lease = 0; lease < REPORTS; lease++) {
      const given = await host.lease(UNITS)
      const { report, values } = await host.reportOf(given, unitsOf(given), () => new Uint8Array(4))
      await host.session.report(report, values)
      await outbox.add(report, values, given.deadline)
    }
    const { validated } = (await server.job(id)).units
    expect(validated).toBe(REPORTS * UNITS)

    // The acknowledgements were lost. As the sender of a volunteer does: so many at once, oldest first, each gone with its answer.
    const waiting = [...outbox.items()]
    const lane = async (): Promise<void> => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
        const answers = await host.session.report(item.report, item.values)
        expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(['late']))
        await outbox.remove(item.key)
      }
    }
    await Promise.all(Array.from({ length: REPORTS_AT_ONCE }, lane))
    expect(outbox.items()).toEqual([])
    expect((await host.lease(UNITS)).count).toBe(UNITS)
    await host.leave()
    expect((await server.job(id)).units.validated).toBe(validated)
  } finally {
    await server.stop()
  }
})

// Machines of CI are busy with other things: the bounds of the specification are those of soak/flood.test.ts.
it('a flood from 30 connections is cut, keeps no honest host waiting for long, and costs no result', () =>
  withstand({ honest: 6, connections: 30, perSecond: 3_000, seconds: 4, cutMs: 10_000, p99Ms: 8_000 }))
