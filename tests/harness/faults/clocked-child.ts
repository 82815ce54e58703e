/** A coordinator whose clock jumps when it is told to, in milliseconds, on stdin. Arguments: port, data folder. */
import { createInterface } from 'node:readline'
import { serve } from '@peercompute/relay-coordinator'
import { createJumpingClock } from './jumping-clock.ts'

const clock = createJumpingClock()
const [, , port = '0', dataDir = ''] = process.argv
const { url, port: bound, root, adminToken } = await serve({ dataDir, port: Number(port), clock })
createInterface({ input: process.stdin })
  .on('line', (line) => {
    clock.jump(Number(line))
    process.stdout.write(`jumped ${line}\n`)
  })
  // whoever started it is gone
  .on('close', () => process.exit(0))
process.stdout.write(`${JSON.stringify({ url, port: bound, root, adminToken })}\n`)
