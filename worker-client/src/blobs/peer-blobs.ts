/** Blobs from and to the peers of a network. libp2p is loaded by whoever started the network, so it costs nothing more here. */
import type { BlobSink, BlobSource } from '@peercompute/p2p'
import type { PeerNetwork } from '../network/peer-network.ts'

/** Fills the sink from peers. False when they do not have (the rest of) the blob. Rejects with the signal's reason, or what the sink throws. */
export type FetchFromPeers = (sink: BlobSink, signal: AbortSignal) => Promise<boolean>

/** Serves what the source holds for as long as the network runs. */
export async function joinPeers({ node }: Pick<PeerNetwork, 'node'>, source: BlobSource): Promise<FetchFromPeers> {
  const { BanList, fetchFromPeers, serveBlobs } = await import('@peercompute/p2p')
  const { systemClock } = await import('@peercompute/p2p/time')
  const banned = new BanList(systemClock)
  await serveBlobs(node, source)
  return (sink, signal) => fetchFromPeers(node, sink.ref, sink, { signal, banned })
}
