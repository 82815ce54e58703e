/** After a job has ended its receipt is made, in the background and one at a time, and named in the feed: whoever holds a receipt can look there. */
import {
  canonicalBytes,
  PeerComputeError,
  sha256Hex,
  type ContentHash,
  type JobId,
  type JobReceipt,
  type RecordBody
} from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'

/** Reading all units of a job takes work, and whoever waits for its end should not wait for that. */
export const RECEIPT_AFTER_MS = 5_000

/** Rejects with RECEIPT_NOT_READY when it is to be asked again later. */
export interface ReceiptSource {
  job(id: JobId): Promise<JobReceipt>
}

export interface ReceiptTellerInit {
  readonly receipts: ReceiptSource
  readonly clock: Pick<Clock, 'schedule'>
  /** Appends the record, unless the job goes on again. */
  readonly append: (body: RecordBody<'job.receipt'>) => Promise<void>
  readonly onFault: (error: unknown) => void
}

export interface ReceiptTeller {
  /** The job has ended. */
  due(job: JobId): void
  close(): void
}

export function tellReceipts({ receipts, clock, append, onFault }: ReceiptTellerInit): ReceiptTeller {
  const due = new Set<JobId>()
  let scheduled = false
  let closed = false
  let cancel: () => void = () => undefined

  function schedule(): void {
    if (scheduled || closed || due.size === 0) return
    scheduled = true
    cancel = clock.schedule(RECEIPT_AFTER_MS, () => {
      void tellAll().finally(() => {
        scheduled = false
        schedule()
      })
    })
  }

  async function tellAll(): Promise<void> {
    const jobs = [...due]
    due.clear()
    for (const job of jobs) if (!closed) await tell(job)
  }

  async function tell(job: JobId): Promise<void> {
    try {
      const receipt = await receipts.job(job)
      if (receipt.provisional || closed) return
      const hash = sha256Hex(canonicalBytes(receipt)) as ContentHash
      await append({ job, root: receipt.root, units: receipt.settled, receipt: hash })
    } catch (error) {
      // The store is closed under the reader.
      if (closed) return
      if (error instanceof PeerComputeError && error.code === 'RECEIPT_NOT_READY') due.add(job)
      else onFault(error)
    }
  }

  return {
    due(job) {
      due.add(job)
      schedule()
    },
    close() {
      closed = true
      cancel()
    }
  }
}
