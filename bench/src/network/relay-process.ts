/** A relay in a process of its own, on one port behind an HTTP server as the coordinator has it. Counts who joins. */
import { createServer, type IncomingMessage } from 'node:http'
import { handleChannel } from '@peercompute/p2p'
import { attachRelay, createRelayNode, type RelayNode } from '@peercompute/p2p/relay'
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { answerCommands } from '@peercompute/tests/child'
import { monotonicMs } from '../time.ts'
import { ECHO_LIMIT, ECHO_PROTOCOL } from './echo.ts'

let relay: RelayNode | undefined
/** When connections came and went; `peer` is the remote's PeerId. */
const opened: { readonly peer: string; readonly at: number }[] = []
const closed: { readonly peer: string; readonly at: number }[] = []
/** Sockets that asked for an upgrade, admitted or not. */
let attempts = 0

function running(): RelayNode {
  if (relay === undefined) throw new Error('the relay is not started')
  return relay
}

const commands = {
  /** `port` 0: any. Answers when the port takes connections. */
  async start({ peerKey, port }: { peerKey: Uint8Array; port: number }) {
    const server = createServer((_, response) => response.writeHead(404).end())
    const node = await createRelayNode({ peerKey, announce: [] })
    relay = node
    node.addEventListener('connection:open', ({ detail }) => opened.push({ peer: detail.remotePeer.toString(), at: monotonicMs() }))
    node.addEventListener('connection:close', ({ detail }) => closed.push({ peer: detail.remotePeer.toString(), at: monotonicMs() }))
    await handleChannel(node, ECHO_PROTOCOL, { limit: ECHO_LIMIT, maxInboundStreams: 8 }, async (channel) => {
      for await (const { attachment } of channel.frames) await channel.send({ echo: true }, attachment)
    })
    server.on('upgrade', (_request: IncomingMessage) => attempts++)
    attachRelay(server, node)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
    const listeningAt = monotonicMs()
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    const peerId = node.peerId.toString()
    return { port: address.port, peerId, addresses: [`/ip4/127.0.0.1/tcp/${address.port}/ws/p2p/${peerId}`], listeningAt }
  },
  /** Distinct peers with an open connection. */
  peers: () => running().getPeers().length,
  /** Peers of which the relay knows that they follow the discovery topic. */
  subscribers: () => running().services.pubsub.getSubscribers(DISCOVERY_TOPIC).length,
  /** Connections opened and closed so far, in order. */
  joins: () => ({ opened, closed, attempts }),
  /** Microseconds of processor time since the start of the process, and bytes of memory held. */
  usage: () => {
    const { user, system } = process.cpuUsage()
    return { rssBytes: process.memoryUsage.rss(), cpuMicros: user + system, at: monotonicMs() }
  }
}
export type RelayCommands = typeof commands

answerCommands(commands)
