/** This browser's copy of the ledger, read where the coordinator has not answered yet, or does not. */
import type { CopiedJob } from '../models/copied-job.ts'
import { COPY_KEY, copyTimeMs } from '../services/copy-mark.ts'
import { throttled } from '../services/throttle.ts'

/** The coordinator is usually faster than that, and then the copy is not needed. */
const HEAD_START_MS = 150
/** Every record is verified each time. */
const READ_EVERY_MS = 5_000

export class LedgerCopy {
  jobs = $state.raw<readonly CopiedJob[]>([])
  /** When the copy last grew. */
  atMs = $state<number | null>(null)

  /** Returns the function that ends it. Where there is no copy, nothing is loaded until another tab of this browser makes one. */
  follow(): () => void {
    const ended = new AbortController()
    const { signal } = ended
    const read = throttled(READ_EVERY_MS, () => void this.#show(signal))
    const timer = setTimeout(read, HEAD_START_MS)
    // Told to the tabs that did not write it.
    window.addEventListener(
      'storage',
      ({ key }) => {
        if (key === COPY_KEY) read()
      },
      { signal }
    )
    return () => {
      clearTimeout(timer)
      ended.abort()
    }
  }

  async #show(signal: AbortSignal): Promise<void> {
    const atMs = copyTimeMs()
    const jobs = atMs === null ? null : await this.#read()
    if (signal.aborted || jobs === null) return
    this.jobs = jobs
    this.atMs = atMs
  }

  /** Null when it cannot be read: then the page says what the coordinator's silence makes it say. */
  async #read(): Promise<readonly CopiedJob[] | null> {
    try {
      const [{ readLedgerCopy }, { inOrder }] = await Promise.all([
        import('@peercompute/worker-client/ledger-copy'),
        import('../models/copied-job.ts')
      ])
      const state = await readLedgerCopy(location.origin)
      return state === null ? null : inOrder(state.jobs.values())
    } catch {
      return null
    }
  }
}
