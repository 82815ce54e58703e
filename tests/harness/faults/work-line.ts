/** How a light volunteer reaches its coordinator: again and again, over HTTP or over a work stream. */
import { WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { coordinatorInfoSchema } from '@peercompute/job-specs'
import { createClientNode, openChannel, superviseRelay } from '@peercompute/p2p'
import { createHttpWorkChannel, type WorkChannel } from '@peercompute/worker-client/node'
import { until } from '../until.ts'

const OPEN_MS = 10_000

export interface WorkLine {
  open(): Promise<WorkChannel>
  close(): Promise<void>
}

export function httpLine(coordinator: string): WorkLine {
  return {
    open: () => Promise.resolve(createHttpWorkChannel({ coordinator, fetch: globalThis.fetch })),
    close: () => Promise.resolve()
  }
}

/** A node of its own, which keeps its connection as a volunteer does. `port`: where it dials instead, e.g. a bad line. */
export async function streamLine(coordinator: string, port?: number): Promise<WorkLine> {
  const { peerId, addresses } = coordinatorInfoSchema.parse(await (await fetch(`${coordinator}/api/v1/coordinator`)).json())
  const relays = port === undefined ? addresses : [`/ip4/127.0.0.1/tcp/${port}/ws/p2p/${peerId}`]
  const { node } = await createClientNode({ relays, webRtc: false, announce: false })
  const supervisor = superviseRelay(node, relays)
  return {
    async open() {
      await until('the connection to the coordinator', () => supervisor.state.kind === 'connected', OPEN_MS)
      return openChannel(node, peerId, WORK_PROTOCOL, { limit: WORK_FRAME_MAX_BYTES, signal: AbortSignal.timeout(OPEN_MS) })
    },
    async close() {
      supervisor.stop()
      await node.stop()
    }
  }
}
