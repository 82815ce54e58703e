/** The coordinator's side of the work protocol: the same requests over streams and over HTTP. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { CoordinatorMessage, Frame } from '@peercompute/job-specs/protocol'
import type { FrameChannel } from '@peercompute/p2p'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator } from '../coordinator.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import type { WorkMetrics } from '../metrics/metrics.ts'
import { createAdmissions } from './admissions.ts'
import { createHostSessions } from './host-sessions.ts'
import { createIntroductions } from './introductions.ts'
import { createProofOfWork } from './proof-of-work.ts'
import { createRequests } from './requests.ts'
import { createWorkOverHttp } from './work-over-http.ts'
import { serveWorkStream, type StreamComponents } from './work-streams.ts'

export interface WorkServerComponents {
  readonly coordinator: Coordinator
  readonly keys: Pick<CoordinatorKeys, 'certificate' | 'operational'>
  readonly clock: Clock
  readonly metrics: WorkMetrics
  /** Bits of the proof of work that a new host brings with its first ask; none unless given. */
  readonly proofOfWorkBits?: number
  /** Told about errors that are no expected refusals. */
  readonly onFault: (error: unknown) => void
}

export interface WorkServer {
  /** Serves one stream until it ends. `subnet` is where the host's address lies. Never rejects. */
  serve(channel: FrameChannel, subnet: string): Promise<void>
  /** Answers one HTTP request's frames. Throws FRAME_INVALID. */
  handleFrames(frames: readonly Frame[], subnet: string): Promise<readonly CoordinatorMessage[]>
  /** Ends all streams and waits until they have given their leases back. */
  close(): Promise<void>
}

export function createWorkServer({ coordinator, keys, clock, metrics, proofOfWorkBits = 0, onFault }: WorkServerComponents): WorkServer {
  const proofOfWork = createProofOfWork(proofOfWorkBits)
  const sessions = createHostSessions(coordinator, clock)
  const components: StreamComponents = {
    introductions: createIntroductions(keys.certificate, clock, proofOfWork, coordinator.keepsCheckpoints),
    sessions,
    clock,
    metrics,
    answerRequest: createRequests({ coordinator, admit: createAdmissions(keys.operational), sessions, proofOfWork, metrics }),
    onFault(error) {
      onFault(error)
      return new PeerComputeError('INTERNAL', 'the coordinator met an error that its log describes', { cause: error })
    }
  }
  const http = createWorkOverHttp(components)
  const streams = new Map<FrameChannel, Promise<void>>()

  return {
    async serve(channel, subnet) {
      const served = serveWorkStream(channel, subnet, components)
      streams.set(channel, served)
      await served
      streams.delete(channel)
    },
    handleFrames: (frames, subnet) => http.handleFrames(frames, subnet),
    async close() {
      await http.close()
      await Promise.all(
        [...streams].map(async ([channel, served]) => {
          await channel.close()
          await served
        })
      )
      sessions.close()
    }
  }
}
