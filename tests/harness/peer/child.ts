/** A process with any number of peers. Commands come on stdin and answers go to stdout, one JSON object a line. */
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { runCommand, TestPeer } from './test-peer.ts'

const commandSchema = z.object({ id: z.int(), peer: z.int(), command: z.string(), args: z.array(z.unknown()) })

const peers = new Map<number, TestPeer>()

function peerOf(index: number): TestPeer {
  const peer = peers.get(index) ?? new TestPeer()
  peers.set(index, peer)
  return peer
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, peer, command, args } = commandSchema.parse(JSON.parse(line))
    runCommand(peerOf(peer), command, args).then(
      (result) => process.stdout.write(`${JSON.stringify({ id, result: result ?? null })}\n`),
      (error: unknown) => process.stdout.write(`${JSON.stringify({ id, error: String(error) })}\n`)
    )
  })
  // whoever started it is gone
  .on('close', () => process.exit(0))
process.stdout.write(`${JSON.stringify({ ready: process.pid })}\n`)
