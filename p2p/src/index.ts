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
 * const { node } = await createClientNode({ relays: info.addresses })
 * const supervisor = superviseRelay(node, info.addresses, { onState: show })
 * const stopDialling = dialPeers(node) // direct WebRTC connections to other clients
 * const provider = await PeerComputeProvider.start(node, ledger)
 * const channel = await openChannel(node, info.peerId, WORK_PROTOCOL, { limit: WORK_FRAME_MAX_BYTES, signal: AbortSignal.timeout(10_000) })
 * ```
 */
export { createClientNode, type ClientNode, type ClientOptions } from './client-node.ts'
export { superviseRelay, type RelayState, type RelaySupervisor, type SuperviseOptions } from './supervisor.ts'
export { dialPeers, type PeerDialerOptions } from './peer-dialer.ts'
export { handleChannel, openChannel, type HandleOptions, type OpenOptions, type RemotePeer } from './channels.ts'
export type { FrameChannel } from './frame-channel.ts'
export { PeerComputeProvider, type ProviderOptions, type ProviderStats } from './provider.ts'
export { atMost, followTopic, type GossipValidator, type PeerNode, type Verdict } from './gossip.ts'
export { generatePeerKey, peerIdOfKey } from './peer-key.ts'
export { subnetOf } from './subnet.ts'
