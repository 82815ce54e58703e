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
  /** How a new job is taken; throws when it is not. By default every job is admitted. */
  readonly admission?: (signed: SignedSpec, job: JobId) => 'admit' | 'hold'
  /** Jobs are taken from then on; until then they wait. At once by default. */
  readonly after?: Promise<void>
  /** Told about records that were refused or could not be processed. */
  readonly onRefused: (error: unknown, entry: LedgerEntry) => void
}

export interface LedgerIntake {
  /** Resolves when every record that has arrived so far was dealt with. */
  settled(): Promise<void>
  close(): void
}

/** Ordinary when a feed is read again after a restart, or the operator's own decision. */
const HARMLESS: ReadonlySet<ErrorCode> = new Set(['JOB_CLOSED', 'RESEARCHER_REFUSED', 'REVOKED'])

/** Call it before the ledger has loaded, to see the stored records too. They are taken one after the other, in the order of each feed. */
export function createLedgerIntake({
  coordinator,
  ledger,
  awaited,
  own,
  admission = () => 'admit',
  after,
  onRefused
}: IntakeComponents): LedgerIntake {
  let queue: Promise<void> = after ?? Promise.resolve()

  /** An installation publishes and steers its own jobs and those of the account that certified its feed. */
  function speaksFor({ feed }: LedgerEntry, author: AuthorId): boolean {
    const [first] = ledger.entries(feed)
    const account =
      first?.known !== null && first?.known !== 'unknown' && first?.known.type === 'feed.open' ? first.known.body.certificate.account : null
    return author === feed.author || author.toString() === account
  }

  async function publish(entry: LedgerEntry, signed: SignedSpec): Promise<void> {
    if (!speaksFor(entry, signed.author))
      throw new PeerComputeError('JOB_SIGNATURE_INVALID', `the feed of ${entry.feed.author} publishes a job of ${signed.author}`)
    if (!(await verifySpec(signed)))
      throw new PeerComputeError('JOB_SIGNATURE_INVALID', `the signature of job ${jobIdOf(signed.author, signed.spec)} does not hold`)
    const job = jobIdOf(signed.author, signed.spec)
    const held = coordinator.signedSpec(job) === undefined && admission(signed, job) === 'hold'
    const { missingBlobs } = await coordinator.submit(signed, false, held)
    awaited.expect(signed.spec, missingBlobs)
  }

  async function cancel(entry: LedgerEntry, job: JobId): Promise<void> {
    const signed = coordinator.signedSpec(job)
    if (signed === undefined) throw new PeerComputeError('JOB_NOT_FOUND', `no job has the id ${job}`)
    if (!speaksFor(entry, signed.author))
      throw new PeerComputeError('JOB_SIGNATURE_INVALID', `${entry.feed.author} does not speak for the author of job ${job}`)
    await coordinator.cancel(job)
  }

  async function take(entry: LedgerEntry): Promise<void> {
    const { known } = entry
    if (known === null || known === 'unknown') return
    try {
      if (known.type === 'job.publish') await publish(entry, known.body.signed)
      if (known.type === 'job.cancel') await cancel(entry, known.body.job)
    } catch (error) {
      if (!(error instanceof PeerComputeError) || !HARMLESS.has(error.code)) onRefused(error, entry)
    }
  }

  const unsubscribe = ledger.onEntry((entry) => {
    if (!own.has(entry.feed.author)) queue = queue.then(() => take(entry))
  })

  return { settled: () => queue, close: unsubscribe }
}
