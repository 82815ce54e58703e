/** Request and reply of 250 bytes and nothing behind them, on the same cores: machines differ, and the same one from day to day. */
import { startChild } from '@peercompute/tests/child'
import type { Run } from '../bench.ts'
import { monotonicMs, pause } from '../time.ts'
import type { EchoCommands } from './echo-process.ts'

const CONNECTIONS = 50
const WARM_UP_MS = 3_000
const MEASURE_MS = 5_000

export const ECHO_CONDITION = `echo: requests and replies of 250 B a second over ${CONNECTIONS} libp2p connections (WebSocket, noise, yamux) between two processes on the same cores, measured before; share: units handed out for each of them`

/** Round trips a second over 50 connections, one after the other on each. */
export async function echoesPerSecond(run: Run): Promise<number> {
  const script = new URL('echo-process.ts', import.meta.url)
  const [answering, asking] = await Promise.all([startChild<EchoCommands>(script), startChild<EchoCommands>(script)])
  run.after(() => Promise.all([answering.kill(), asking.kill()]))
  await asking.call('ask', { address: await answering.call('answer', undefined), connections: CONNECTIONS })
  await pause(WARM_UP_MS)
  const [before, from] = [await asking.call('count', undefined), monotonicMs()]
  await pause(MEASURE_MS)
  const [after, to] = [await asking.call('count', undefined), monotonicMs()]
  await Promise.all([answering.kill(), asking.kill()])
  return ((after - before) * 1_000) / (to - from)
}
