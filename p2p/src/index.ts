/**
 * Everything that knows libp2p. Runs in browsers and Node; what only a relay needs is in `@peercompute/p2p/relay`.
 *
 * @example
 * ```ts
 * // a relay on the port of an HTTP server that listens already
 * const relay = await createRelayNode({ peerKey, announce: [announceFor('https://lab.example')] })
 * attachRelay(httpServer, relay)
 * await handleChannel(relay, WORK_PROTOCOL, { limit: WORK_FRAME_MAX_BYTES, maxInboundStreams: 8 }, async (channel, remote) => {
 *   for await (const { message, attachment } of channel.frames) await channel.send(answerTo(remote.subnet, message, attachment))
 * })
 * await PeerComputeProvider.start(relay, ledger)
 *
 * // a client, in a tab or in Node
 * const { node, webRtc, discovery } = await createClientNode({ relays })
 * const supervisor = superviseRelays(node, groupRelays(relays), { crowd: () => discovery?.crowd() ?? ALONE })
 * const observer = createNetworkObserver({ node, relays: supervisor, discovery, webRtc, iceServers: 0 })
 * const stopDialling = dialPeers(node, { onFailure: observer.failed }) // direct connections to other clients
 * explainNetwork(observer.report()) // in sentences
 * const provider = await PeerComputeProvider.start(node, ledger)
 * const channel = await openChannel(node, info.peerId, WORK_PROTOCOL, { limit: WORK_FRAME_MAX_BYTES, signal: AbortSignal.timeout(10_000) })
 * ```
 */
export { createClientNode, type ClientNode, type ClientOptions } from './client-node.ts'
export {
  groupRelays,
  superviseRelay,
  superviseRelays,
  type RelaysSupervisor,
  type RelayState,
  type RelaySupervisor,
  type SupervisedRelay,
  type SuperviseOptions
} from './supervisor.ts'
export { ALONE, type Crowd } from './redial-delay.ts'
export type { Discovery, DiscoveryOptions } from './discovery.ts'
export { createNetworkObserver, type NetworkObserver, type NetworkObserverInit } from './network-observer.ts'
export { explainNetwork, type Finding } from './explain-network.ts'
export type { DialFailure, NetworkReport, PeerPath, PeerReport, RelayReport } from './network-report.ts'
export { followTests, publishTest } from './test-messages.ts'
export { dialPeers, type PeerDialerOptions } from './peer-dialer.ts'
export { handleChannel, handlePipe, openChannel, type HandleOptions, type OpenOptions, type RemotePeer } from './channels.ts'
export type { BytePipe, PipeListener } from './byte-pipe.ts'
export type { FrameChannel } from './frame-channel.ts'
export { pipeChannel, type PipeChannelOptions } from './pipe-channel.ts'
export { PeerComputeProvider, type ProviderOptions, type ProviderScope, type ProviderStats } from './provider.ts'
export { atMost, followTopic, publishTo, type GossipValidator, type PeerNode, type Verdict } from './gossip.ts'
export { generatePeerKey, peerIdOfKey } from './peer-key.ts'
export { subnetOf } from './subnet.ts'
export { openBytes, SEAL_BYTES, sealBytes } from './sealed-bytes.ts'
export { sealChannel, SEALED_FRAME_BYTES, type ChannelSeal } from './sealed-channel.ts'
export { registerTopics, type RegisterTopicsOptions, type TopicRegistration, type TopicState } from './relay-topics-client.ts'
export { serveBlobs, type ServeBlobsLimits } from './blob-server.ts'
export { fetchFromPeers, type FetchFromPeersOptions } from './blob-fetch.ts'
export type { BlobSink, BlobSource } from './blob-ports.ts'
export { BanList } from './ban-list.ts'
export { dialCircuit } from './dial-circuit.ts'
