/**
 * One side of messages that mean nothing, over libp2p as it comes: WebSocket, noise, yamux, one stream a connection, length-prefixed JSON.
 * Nothing of this project's own is in it, so that it measures the machine.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { lpStream } from '@libp2p/utils'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { answerCommands } from '@peercompute/tests/child'
import { createLibp2p } from 'libp2p'

const PROTOCOL = '/peercompute/bench-echo/1'
/** About 250 bytes as JSON. */
const MESSAGE = { type: 'echo', padding: 'x'.repeat(220) }

const encoder = new TextEncoder()
const decoder = new TextDecoder()
let answered = 0

function createNode(listen: string[]) {
  return createLibp2p({
    addresses: { listen },
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionManager: { inboundConnectionThreshold: 100, maxIncomingPendingConnections: 100 }
  })
}

type Line = ReturnType<typeof lpStream>
async function readMessage(line: Line): Promise<unknown> {
  return JSON.parse(decoder.decode((await line.read()).subarray()))
}
const writeMessage = (line: Line, message: unknown): Promise<void> => line.write(encoder.encode(JSON.stringify(message)))

const commands = {
  /** Resolves with the address of a node that sends each message back. */
  async answer() {
    const node = await createNode(['/ip4/127.0.0.1/tcp/0/ws'])
    await node.handle(PROTOCOL, async (stream) => {
      const line = lpStream(stream)
      for (;;) await writeMessage(line, await readMessage(line))
    })
    const [address] = node.getMultiaddrs()
    if (address === undefined) throw new Error('the node does not listen')
    return address.toString()
  },
  /** From now on each connection sends the next message when the last came back. */
  async ask({ address, connections }: { address: string; connections: number }) {
    for (let index = 0; index < connections; index++) {
      const node = await createNode([])
      void askForEver(lpStream(await node.dialProtocol(multiaddr(address), PROTOCOL)))
    }
  },
  count: () => answered
}
export type EchoCommands = typeof commands

async function askForEver(line: Line): Promise<void> {
  for (;;) {
    await writeMessage(line, MESSAGE)
    await readMessage(line)
    answered++
  }
}

answerCommands(commands)
