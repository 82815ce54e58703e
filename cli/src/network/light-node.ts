/** A client of the network for as long as one command runs: a node and a replica of the ledger in memory, nothing on disk. */
import { PeerComputeError } from '@peercompute/job-specs'
import { LEDGER_FRAME_MAX_BYTES, LEDGER_PROTOCOL, ledgerMessageSchema, type LedgerMessage } from '@peercompute/job-specs/protocol'
import { createLedger, memoryLedgerStore, type Ledger } from '@peercompute/ledger'
import { createClientNode, openChannel, PeerComputeProvider, superviseRelay, type PeerNode, type RelaySupervisor } from '@peercompute/p2p'

export interface LightNodeOptions {
  /** Addresses of one relay. */
  readonly relay: readonly string[]
  readonly iceServers?: readonly RTCIceServer[]
  readonly webRtc?: boolean
}

export type Heads = Extract<LedgerMessage, { type: 'heads' }>['feeds']

export interface LightNode {
  readonly node: PeerNode
  /** This Node can do WebRTC. */
  readonly webRtc: boolean
  readonly relay: RelaySupervisor
  readonly ledger: Ledger
  /** Resolves with the PeerId of the relay. Rejects with PEER_UNREACHABLE when it does not answer before the signal aborts. */
  connected(signal: AbortSignal): Promise<string>
  /** What a peer says that it holds of the ledger. */
  headsOf(peer: string, signal: AbortSignal): Promise<Heads>
  /** Updates that were refused, by reason. */
  refused(): Readonly<Record<string, number>>
  stop(): Promise<void>
}

export async function startLightNode({ relay: addresses, ...options }: LightNodeOptions): Promise<LightNode> {
  const { node, webRtc } = await createClientNode({ relays: addresses, ...options })
  const ledger = createLedger({ now: Date.now, store: memoryLedgerStore() })
  const watchers = new Set<() => void>()
  const relay = superviseRelay(node, addresses, {
    onState: () => {
      for (const look of watchers) look()
    }
  })
  const provider = await PeerComputeProvider.start(node, ledger)

  return {
    node,
    webRtc,
    relay,
    ledger,
    connected: (signal) =>
      new Promise((resolve, reject) => {
        const end = () => {
          watchers.delete(look)
          signal.removeEventListener('abort', give)
        }
        const look = () => {
          if (relay.state.kind !== 'connected') return
          end()
          resolve(relay.state.peer)
        }
        const give = () => {
          end()
          const why = relay.state.kind === 'waiting' ? relay.state.cause : 'no answer in time'
          reject(new PeerComputeError('PEER_UNREACHABLE', `the relay at ${addresses.join(', ')} cannot be dialled: ${why}`))
        }
        watchers.add(look)
        signal.addEventListener('abort', give, { once: true })
        if (signal.aborted) give()
        else look()
      }),
    async headsOf(peer, signal) {
      const channel = await openChannel(node, peer, LEDGER_PROTOCOL, { limit: LEDGER_FRAME_MAX_BYTES, signal })
      const give = () => {
        channel.abort(new PeerComputeError('TIMEOUT', `${peer} did not say in time what it holds`))
      }
      signal.addEventListener('abort', give, { once: true })
      try {
        await channel.send({ type: 'heads', feeds: [] })
        for await (const { message } of channel.frames) {
          const parsed = ledgerMessageSchema.safeParse(message)
          if (parsed.data?.type === 'heads') return parsed.data.feeds
        }
        throw new PeerComputeError('PEER_UNREACHABLE', `${peer} ended the exchange without a word`)
      } finally {
        signal.removeEventListener('abort', give)
        channel.abort(new Error('seen enough'))
      }
    },
    refused: () => provider.stats.refused,
    async stop() {
      relay.stop()
      // First, so that nobody waits for the other side of an exchange to say goodbye.
      await node.stop()
      await provider.stop()
      ledger.close()
    }
  }
}
