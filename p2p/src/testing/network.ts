/** Real nodes on loopback for tests. Everything started here is stopped by `stop()`. */
import { createServer, type Server } from 'node:http'
import { createClientNode, type ClientOptions } from '../client-node.ts'
import type { PeerNode } from '../gossip.ts'
import { generatePeerKey } from '../peer-key.ts'
import { createRelayNode, type RelayNode, type RelayOptions } from '../relay-node.ts'
import { superviseRelay } from '../supervisor.ts'
import { until } from './until.ts'
import type { MeshPeer } from '@libp2p/gossipsub'

export interface TestNetwork {
  relay(options?: Partial<RelayOptions>): Promise<RelayNode>
  /** A client without WebRTC unless asked for, connected to the relays given. */
  client(relays: readonly string[], options?: Partial<ClientOptions>): Promise<PeerNode>
  /** Runs in reverse order when the test is over. */
  after(task: () => unknown): void
  stop(): Promise<void>
}

export function createTestNetwork(): TestNetwork {
  const tasks: (() => unknown)[] = []
  return {
    async relay(options = {}) {
      const relay = await createRelayNode({ peerKey: await generatePeerKey(), announce: [], ...options })
      tasks.push(() => relay.stop())
      return relay
    },
    async client(relays, options = {}) {
      const { node } = await createClientNode({ relays, webRtc: false, ...options })
      tasks.push(() => node.stop())
      if (relays.length > 0) {
        const supervisor = superviseRelay(node, relays)
        tasks.push(() => {
          supervisor.stop()
        })
        await until(() => supervisor.state.kind === 'connected', 'the client is connected', 30_000)
      }
      return node
    },
    after(task) {
      tasks.push(task)
    },
    async stop() {
      for (const task of tasks.splice(0).reverse()) await task()
    }
  }
}

export function addressesOf(node: { getMultiaddrs(): { toString(): string }[] }): string[] {
  return node.getMultiaddrs().map(String)
}

/** PeerIds in a node's gossip mesh of a topic, kept up to date. Messages to others are not forwarded. */
export function watchMesh(node: PeerNode, topic: string): ReadonlySet<string> {
  const mesh = new Set<string>()
  node.services.pubsub.addEventListener('gossipsub:graft', ({ detail }: CustomEvent<MeshPeer>) => {
    if (detail.topic === topic) mesh.add(detail.peerId)
  })
  node.services.pubsub.addEventListener('gossipsub:prune', ({ detail }: CustomEvent<MeshPeer>) => {
    if (detail.topic === topic) mesh.delete(detail.peerId)
  })
  return mesh
}

/** An HTTP server on a free port of loopback that answers every GET with "page". */
export async function startHttpServer(network: TestNetwork): Promise<{ server: Server; port: number }> {
  const server = createServer((_, response) => response.end('page'))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  network.after(
    () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
  )
  return { server, port: portOf(server) }
}

export function portOf(server: { address(): unknown }): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null || !('port' in address) || typeof address.port !== 'number')
    throw new Error('The server is not listening')
  return address.port
}

export { subscribersOf } from '../gossip.ts'
export { openLightConnection, type LightConnection } from './light-connection.ts'
