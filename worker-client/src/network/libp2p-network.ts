/**
 * The peer-to-peer network through libp2p, which is loaded when it is first needed: it is the largest part of a volunteer page.
 */
import { PeerComputeError } from '@peercompute/job-specs'
import { WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import type { PeerComputeProvider, RelayState } from '@peercompute/p2p'
import { abortReason } from '@peercompute/p2p/time'
import { createListeners } from '../listeners.ts'
import type { PeerNetwork, StartPeerNetwork } from './peer-network.ts'

export const startLibp2pNetwork: StartPeerNetwork = async (info) => {
  const { createClientNode, openChannel, PeerComputeProvider: Provider, superviseRelay } = await import('@peercompute/p2p')
  const { node } = await createClientNode({ relays: info.addresses })
  const peersChanged = createListeners<undefined>()
  const relayChanged = createListeners<RelayState>()
  const emitPeers = () => {
    peersChanged.emit(undefined)
  }
  node.addEventListener('peer:connect', emitPeers)
  node.addEventListener('peer:disconnect', emitPeers)
  const supervisor = superviseRelay(node, info.addresses, { onState: relayChanged.emit })
  const providers: PeerComputeProvider[] = []

  const network: PeerNetwork = {
    async openWorkChannel({ peerId }, signal) {
      await relayConnected(supervisor.state, relayChanged.on, signal)
      return openChannel(node, peerId, WORK_PROTOCOL, { limit: WORK_FRAME_MAX_BYTES, signal })
    },
    peers: () => node.getPeers().map(String),
    onPeers: peersChanged.on,
    retryNow: () => {
      supervisor.nudge()
    },
    async share(ledger) {
      providers.push(await Provider.start(node, ledger))
    },
    async stop() {
      supervisor.stop()
      await Promise.allSettled(providers.map((provider) => provider.stop()))
      await node.stop()
    }
  }
  return network
}

/** Waits for the first dial to end: a refused WebSocket is known at once and need not use up the whole time. */
function relayConnected(
  now: RelayState,
  onState: (listener: (state: RelayState) => void) => () => void,
  signal: AbortSignal
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      unsubscribe()
      signal.removeEventListener('abort', onAbort)
    }
    const look = (state: RelayState) => {
      if (state.kind === 'connecting') return
      end()
      if (state.kind === 'connected') resolve()
      else
        reject(
          new PeerComputeError(
            'PEER_UNREACHABLE',
            state.kind === 'waiting' ? `The relay cannot be dialled: ${state.cause}` : 'The network is stopped'
          )
        )
    }
    const onAbort = () => {
      end()
      reject(abortReason(signal))
    }
    const unsubscribe = onState(look)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else look(now)
  })
}
