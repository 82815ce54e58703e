/** What the HTTP side is made of. Everything comes from outside, so that tests assemble it from real parts as `serve` does. */
import type { CoordinatorInfo } from '@peercompute/job-specs'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Ledger } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import type { Operator } from '../access/operator.ts'
import type { AwaitedBlobs } from '../blobs/awaited-blobs.ts'
import type { BlobFolder } from '../blobs/blob-folder.ts'
import type { Coordinator } from '../coordinator.ts'
import type { CreditDesk } from '../credit/credit-desk.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import type { ReceiptBook } from '../receipts/receipt-book.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Totals } from '../metrics/totals.ts'
import type { WorkServer } from '../work/work-server.ts'
import type { RateLimits } from './limits.ts'

export type App = FastifyInstance
/** pino, or whatever has its methods. */
export type Logger = FastifyBaseLogger

/** The document of the sandbox frame, with the headers that make it one. */
export interface SandboxPage {
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
}

export interface ClientPlace {
  readonly address: string
  readonly near?: string
}

export interface AppComponents {
  readonly coordinator: Coordinator
  readonly work: WorkServer
  readonly blobs: BlobFolder
  readonly awaited: AwaitedBlobs
  readonly keys: Pick<CoordinatorKeys, 'certificate' | 'operational' | 'custodial'>
  readonly operator: Operator
  readonly credit: CreditDesk
  /** Served as one file; without it there is no such route. */
  readonly ledger?: Ledger
  /** Made anew when left out. */
  readonly receipts?: ReceiptBook
  readonly metrics: Metrics
  readonly totals: Totals
  readonly clock: Clock
  /**
   * PeerId and dialable addresses for this client, which are known only once the server listens. `near`: PeerId of the relay that it
   * had before.
   */
  readonly network: (client: ClientPlace) => { readonly peerId: string; readonly addresses: readonly string[] }
  /** Addresses of further relays, and ICE servers, that clients are told of. */
  readonly relays?: readonly string[]
  readonly iceServers?: CoordinatorInfo['iceServers']
  readonly ready: () => boolean
  /** What an operator should look at, in a sentence; null when nothing. */
  readonly alarm?: () => string | null
  readonly onFault: (error: unknown) => void
  readonly publicUrl?: string | undefined
  readonly trustProxy?: readonly string[]
  readonly dashboardDir?: string | undefined
  /** Asked for at the first request, and again when it failed. */
  readonly sandboxPage?: (() => Promise<SandboxPage>) | undefined
  readonly rateLimits?: RateLimits
  readonly logger?: Logger | undefined
}
