/** Drops the blobs of jobs that have ended: follows the ledger, and asks the job cache what this host still computes. */
import type { ContentHash, JobId, JobSpec } from '@peercompute/job-specs'
import type { LedgerJob, LedgerState } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import type { BlobStore } from './blob-store.ts'

/** Many records come at once; one look at the end is enough. */
const SETTLE_MS = 2_000

export interface RetainInit {
  readonly store: Pick<BlobStore, 'retain'>
  readonly ledger: { state(): LedgerState | null; onChange(listener: () => void): () => void }
  readonly jobs: { known(): JobId[]; spec(job: JobId): JobSpec | undefined }
  readonly clock: Clock
}

/** Returns the function that ends it. */
export function retainLiveBlobs({ store, ledger, jobs, clock }: RetainInit): () => void {
  /** Seen to end here: a later checkpoint may no longer tell of them. */
  const over = new Set<JobId>()
  let callOff: (() => void) | undefined

  const look = (): void => {
    callOff = undefined
    const state = ledger.state()
    // without a word of the coordinator nothing is known of what has ended
    if (state === null || state.coordinators.size === 0) return
    const live = new Set<ContentHash>()
    for (const job of state.jobs.values()) {
      if (isOver(job)) over.add(job.id)
      else for (const sha256 of specBlobs(job.signed.spec)) live.add(sha256)
    }
    for (const id of jobs.known()) {
      const spec = over.has(id) ? undefined : jobs.spec(id)
      if (spec !== undefined) for (const sha256 of specBlobs(spec)) live.add(sha256)
    }
    // a disk that cannot be read now is looked at again at the next change
    store.retain(live).catch(() => undefined)
  }
  const unsubscribe = ledger.onChange(() => {
    callOff ??= clock.schedule(SETTLE_MS, look)
  })
  return () => {
    unsubscribe()
    callOff?.()
  }
}

function isOver({ ended, cancelled }: LedgerJob): boolean {
  return ended !== null || cancelled
}

/** Programs of every executor, and inputs. */
function specBlobs({ kernel, inputs }: JobSpec): ContentHash[] {
  const programs = [kernel.wgsl, kernel.js, kernel.wasm].flatMap((program) => (program === undefined ? [] : [program.blob]))
  return [...programs, ...inputs.map((input) => input.blob)].map(({ sha256 }) => sha256)
}
