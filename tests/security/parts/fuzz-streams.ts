/** Spoiled frames over real libp2p streams: each on a stream of its own, several streams and connections at a time. */
import { createClientNode, superviseRelay } from '@peercompute/p2p'
import { until } from '../../harness/index.ts'
import { mutatedFrame, type Message } from './mutations.ts'

export interface FuzzTarget {
  readonly addresses: readonly string[]
  readonly protocol: string
  /** One after the other. */
  readonly messages: readonly Message[]
  /** Streams of one connection at a time. */
  readonly width: number
}

const CONNECTIONS = 4
/** A work stream and its frame cost two tokens of the coordinator's 50 (work/useless-budget.ts); beyond them a client is read slowly. */
const STREAMS_PER_CLIENT = 24
/** A stream that the other side neither answers nor ends is a leak. */
const STREAM_MS = 15_000

/** Sends `count` spoiled frames. Resolves with how many streams the other side ended by itself, cleanly or by reset. */
export async function fuzzStreams(
  { addresses, protocol, messages, width }: FuzzTarget,
  count: number,
  random: () => number
): Promise<number> {
  let left = count
  let ended = 0
  let lost = 0

  /** A peer that talks nonsense is slowed down or cut after a while; somebody else goes on in its place. */
  async function slot(): Promise<void> {
    while (left > 0) {
      const client = await connect(addresses)
      await Promise.all(Array.from({ length: width }, () => lane(client)))
      await client.stop()
    }
  }

  async function lane({ node }: Client): Promise<void> {
    const [connection] = node.getConnections()
    for (let streams = 0; left > 0 && streams < STREAMS_PER_CLIENT / width && connection?.status === 'open'; streams++) {
      const message = messages[--left % messages.length]
      if (message === undefined) return
      try {
        await sendOne(await connection.newStream(protocol, { signal: AbortSignal.timeout(STREAM_MS) }), mutatedFrame(message, random))
        ended += 1
      } catch (error) {
        // Cut between two frames. More often than frames get through, and it is something else.
        left += 1
        lost += 1
        if (lost > CONNECTIONS * width + ended) throw error
        return
      }
    }
  }

  await Promise.all(Array.from({ length: CONNECTIONS }, slot))
  return ended
}

type FuzzStream = Awaited<ReturnType<ReturnType<Client['node']['getConnections']>[number]['newStream']>>

/** Resolves when the other side has ended it. */
async function sendOne(stream: FuzzStream, bytes: Uint8Array): Promise<void> {
  const over = Promise.withResolvers<undefined>()
  for (const event of ['remoteCloseWrite', 'close'] as const) {
    stream.addEventListener(event, () => {
      over.resolve(undefined)
    })
  }
  stream.addEventListener('message', () => undefined)
  stream.send(bytes)
  await stream.close({ signal: AbortSignal.timeout(STREAM_MS) }).catch(() => undefined)
  const gone = () => stream.remoteWriteStatus === 'closed' || stream.status !== 'open'
  await Promise.race([over.promise, until('the end of the stream', gone, STREAM_MS)])
  if (stream.status !== 'closed') stream.abort(new Error('done'))
}

interface Client {
  readonly node: Awaited<ReturnType<typeof createClientNode>>['node']
  stop(): Promise<void>
}

async function connect(addresses: readonly string[]): Promise<Client> {
  const { node } = await createClientNode({ relays: addresses, webRtc: false, announce: false })
  const supervisor = superviseRelay(node, addresses)
  await until('the connection', () => supervisor.state.kind === 'connected')
  return {
    node,
    async stop() {
      supervisor.stop()
      await node.stop()
    }
  }
}
