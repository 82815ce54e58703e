/**
 * The peer-to-peer network through libp2p, which is loaded when it is first needed: it is the largest part of a volunteer page.
 */
import { PeerComputeError, type CoordinatorInfo } from '@peercompute/job-specs'
import { WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import type { PeerComputeProvider, RelaysSupervisor, SupervisedRelay } from '@peercompute/p2p'
import { abortReason } from '@peercompute/p2p/time'
import { createListeners } from '../listeners.ts'
import type { PeerNetwork, StartPeerNetwork } from './peer-network.ts'

export interface Libp2pNetworkOptions {
  /** Where to wait for TCP connections of other peers, in Node only, e.g. `/ip4/0.0.0.0/tcp/0`. None by default. */
  readonly tcpListen?: readonly string[]
}

export const startLibp2pNetwork: StartPeerNetwork = (info) => startNetwork(info, {})

export function libp2pNetwork(options: Libp2pNetworkOptions): StartPeerNetwork {
  return (info) => startNetwork(info, options)
}

async function startNetwork(info: CoordinatorInfo, { tcpListen = [] }: Libp2pNetworkOptions): Promise<PeerNetwork> {
  const p2p = await import('@peercompute/p2p')
  const addresses = [...info.addresses, ...info.relays]
  const counted = { total: 0 }
  const { node, webRtc, discovery } = await p2p.createClientNode({
    relays: addresses,
    iceServers: info.iceServers.map(iceServer),
    tcpListen,
    counted
  })
  const peersChanged = createListeners<undefined>()
  const emitPeers = () => {
    peersChanged.emit(undefined)
  }
  node.addEventListener('peer:connect', emitPeers)
  node.addEventListener('peer:disconnect', emitPeers)
  const relays = p2p.superviseRelays(node, p2p.groupRelays(addresses), { crowd: () => discovery?.crowd() ?? p2p.ALONE })
  const observer = p2p.createNetworkObserver({ node, relays, discovery, webRtc, iceServers: info.iceServers.length })
  const stopDialling = p2p.dialPeers(node, { onFailure: observer.failed })
  const providers: PeerComputeProvider[] = []

  const network: PeerNetwork = {
    node,
    async openWorkChannel({ peerId }, signal) {
      await relayConnected(relays, peerId, signal)
      return p2p.openChannel(node, peerId, WORK_PROTOCOL, { limit: WORK_FRAME_MAX_BYTES, signal })
    },
    get bytes() {
      return counted.total
    },
    peers: () => node.getPeers().map(String),
    onPeers: peersChanged.on,
    retryNow: () => {
      relays.nudge()
    },
    async share(ledger) {
      providers.push(await p2p.PeerComputeProvider.start(node, ledger))
    },
    report: observer.report,
    onReport: observer.onReport,
    trials: {
      announce: () => {
        discovery?.announce()
      },
      publish: (text) => p2p.publishTest(node, text),
      onMessage: (listener) => p2p.followTests(node, listener),
      cut: () => {
        relays.cut()
      }
    },
    async stop() {
      stopDialling()
      relays.stop()
      observer.stop()
      await Promise.allSettled(providers.map((provider) => provider.stop()))
      await node.stop()
    }
  }
  return network
}

/** Without the fields that are left out: browsers refuse `undefined` there. */
function iceServer({
  urls,
  username,
  credential
}: {
  urls: string | string[]
  username?: string | undefined
  credential?: string | undefined
}): RTCIceServer {
  return { urls, ...(username === undefined ? {} : { username }), ...(credential === undefined ? {} : { credential }) }
}

/** Waits for the first dial to the coordinator's own relay to end: a refused WebSocket is known at once and need not use up the whole time. */
function relayConnected(relays: RelaysSupervisor, peerId: string, signal: AbortSignal): Promise<void> {
  const own = (): SupervisedRelay | undefined =>
    relays.relays.find(({ addresses }) => addresses.some((address) => address.endsWith(`/p2p/${peerId}`))) ?? relays.relays[0]
  return new Promise((resolve, reject) => {
    const end = () => {
      unsubscribe()
      signal.removeEventListener('abort', onAbort)
    }
    const look = () => {
      const state = own()?.state
      if (state?.kind === 'connecting') return
      end()
      if (state?.kind === 'connected') resolve()
      else {
        const cause = state?.kind === 'waiting' ? `The relay cannot be dialled: ${state.cause}` : 'The network is not connected'
        reject(new PeerComputeError('PEER_UNREACHABLE', cause))
      }
    }
    const onAbort = () => {
      end()
      reject(abortReason(signal))
    }
    const unsubscribe = relays.onState(look)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else look()
  })
}
