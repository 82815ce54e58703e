/** A node that serves one blob, in a process of its own. Prints its address and the blob's id. */
import { blobRef } from '@peercompute/job-specs'
import { generatePeerKey, serveBlobs } from '@peercompute/p2p'
import { createRelayNode } from '@peercompute/p2p/relay'

// as the program has it
Buffer.poolSize = 8 * 1024
const bytes = new Uint8Array(100_000).fill(7)
const { sha256 } = blobRef(bytes)
const node = await createRelayNode({ peerKey: await generatePeerKey(), announce: [] })
await serveBlobs(node, {
  size: async (id) => (id === sha256 ? bytes.length : null),
  read: async (_id, offset, length) => bytes.subarray(offset, offset + length)
})
process.stdout.write(`${JSON.stringify({ addresses: node.getMultiaddrs().map(String), peer: node.peerId.toString(), sha256 })}\n`)
// whoever started it is gone
process.stdin.on('end', () => process.exit(0)).resume()
