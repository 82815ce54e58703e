/** Who asks for nothing, again and again, is put out. Next to honest hosts, and in figures: soak/flood.test.ts. */
import { WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { openChannel } from '@peercompute/p2p'
import { createIdentity } from '@peercompute/worker-client/node'
import { expect, it } from 'vitest'
import { startServer, until } from '../harness/index.ts'
import { connectPeer } from '../integration/parts/protocol-host.ts'
import { helloOf } from './parts/fuzz-http.ts'

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
