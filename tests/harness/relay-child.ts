/**
 * A relay in a process of its own, without a coordinator: libp2p on the port of an HTTP server, with or without a replica of the ledger.
 * Options come as JSON in the first argument.
 */
import { createServer } from 'node:http'
import { createLedger, memoryLedgerStore } from '@peercompute/ledger'
import { PeerComputeProvider } from '@peercompute/p2p'
import { attachRelay, createRelayNode } from '@peercompute/p2p/relay'
import { z } from 'zod'

export const relayChildSchema = z.object({
  /** Base64, from `generatePeerKey()`. */
  peerKey: z.string(),
  port: z.int(),
  /** What clients are told to dial. */
  announce: z.array(z.string()),
  topics: z.array(z.string()),
  replica: z.boolean()
})

const { peerKey, port, announce, topics, replica } = relayChildSchema.parse(JSON.parse(process.argv[2] ?? ''))
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain' }).end('relay\n')
})
const relay = await createRelayNode({ peerKey: Buffer.from(peerKey, 'base64'), announce, topics })
attachRelay(server, relay)
const ledger = createLedger({ now: () => Date.now(), store: memoryLedgerStore() })
if (replica) await PeerComputeProvider.start(relay, ledger)
server.listen(port, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ relay: relay.peerId.toString() })}\n`)
})
// whoever started it is gone
process.stdin.on('end', () => process.exit(0)).resume()
