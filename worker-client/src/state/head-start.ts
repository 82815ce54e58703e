/**
 * A newcomer takes the ledger from the coordinator as one file while the peer-to-peer network is still being loaded. A short cut and
 * nothing more: it passes the same checks, and whatever it does not bring, peers do.
 */
import type { AuthorId, RootId } from '@peercompute/job-specs'
import { importLedger, type Ledger } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import { withDeadline } from '../deadline.ts'
import type { DownloadLedger } from './download-ledger.ts'

/** Two MiB on a line of 4 Mbit/s. So long peers are not asked, lest everything come twice. */
export const HEAD_START_MS = 5_000
/** Whose newest record is so old has missed more than peers tell in one go. */
const AWAY_MS = 86_400_000

export interface HeadStartInit {
  readonly ledger: Ledger
  /** Who writes here: own records say nothing of how much of the others' is known. */
  readonly own: AuthorId
  /** Resolves when it is known whose snapshot counts. */
  readonly followed: Promise<RootId>
  readonly download: DownloadLedger
  /** A file is about to come, and will have to be verified. */
  readonly prepare: () => void
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Resolves when peers may be asked for the rest. Never rejects. */
export async function takeHeadStart({ ledger, own, followed, download, prepare, clock, signal }: HeadStartInit): Promise<void> {
  try {
    await ledger.ready
    if (clock.now() - newestRecord(ledger, own) < AWAY_MS) return
    prepare()
    const file = await withDeadline(clock, HEAD_START_MS, signal, 'Fetching the ledger', async (within) => {
      const bytes = await download(ledger.foldHash(), within)
      if (bytes !== null) await followed
      return bytes
    })
    if (file !== null) await importLedger(ledger, file, 'uncovered')
  } catch {
    // An older coordinator, a line that broke, no file at all: peers bring it.
  }
}

/** When the author wrote it, in epoch milliseconds. Only advice, and good enough for that. */
function newestRecord(ledger: Ledger, own: AuthorId): number {
  const times = ledger.heads().map((head) => (head.author === own ? 0 : (ledger.entries(head).at(-1)?.record.ts ?? 0)))
  return Math.max(0, ...times)
}
