/** Jobs that arrive as signed records in submitters' feeds: publishing over libp2p is appending to one's own feed. */
import { jobIdOf, PeerComputeError, verifySpec, type AuthorId, type ErrorCode, type JobId, type SignedSpec } from '@peercompute/job-specs'
import type { Ledger, LedgerEntry } from '@peercompute/ledger'
import type { AwaitedBlobs } from '../blobs/awaited-blobs.ts'
import type { Coordinator } from '../coordinator.ts'

export interface IntakeComponents {
  readonly coordinator: Coordinator
  readonly ledger: Ledger
  readonly awaited: AwaitedBlobs
  /** The coordinator's own authors: what they wrote comes from here. */
  readonly own: ReadonlySet<AuthorId>
  /** Told about records that were refused or could not be processed. */
  readonly onRefused: (error: unknown, entry: LedgerEntry) => void
}

export interface LedgerIntake {
  /** Resolves when every record that has arrived so far was dealt with. */
  settled(): Promise<void>
  close(): void
}

/** Ordinary when a feed is read again after a restart. */
const HARMLESS: ReadonlySet<ErrorCode> = new Set(['JOB_CLOSED'])

/** Call it before the ledger has loaded, to see the stored records too. They are taken one after the other, in the order of each feed. */
export function createLedgerIntake({ coordinator, ledger, awaited, own, onRefused }: IntakeComponents): LedgerIntake {
  let queue: Promise<void> = Promise.resolve()

  async function publish(author: AuthorId, signed: SignedSpec): Promise<void> {
    if (signed.author !== author)
      throw new PeerComputeError('JOB_SIGNATURE_INVALID', `the feed of ${author} publishes a job of ${signed.author}`)
    if (!(await verifySpec(signed)))
      throw new PeerComputeError('JOB_SIGNATURE_INVALID', `the signature of job ${jobIdOf(signed.author, signed.spec)} does not hold`)
    const { missingBlobs } = await coordinator.submit(signed, false)
    awaited.expect(signed.spec, missingBlobs)
  }

  async function cancel(author: AuthorId, job: JobId): Promise<void> {
    const signed = coordinator.signedSpec(job)
    if (signed === undefined) throw new PeerComputeError('JOB_NOT_FOUND', `no job has the id ${job}`)
    if (signed.author !== author) throw new PeerComputeError('JOB_SIGNATURE_INVALID', `${author} is not the author of job ${job}`)
    await coordinator.cancel(job)
  }

  async function take(entry: LedgerEntry): Promise<void> {
    const { known } = entry
    if (known === null || known === 'unknown') return
    try {
      if (known.type === 'job.publish') await publish(known.author, known.body.signed)
      if (known.type === 'job.cancel') await cancel(known.author, known.body.job)
    } catch (error) {
      if (!(error instanceof PeerComputeError) || !HARMLESS.has(error.code)) onRefused(error, entry)
    }
  }

  const unsubscribe = ledger.onEntry((entry) => {
    if (!own.has(entry.feed.author)) queue = queue.then(() => take(entry))
  })

  return { settled: () => queue, close: unsubscribe }
}
