/** How the units of one job were decided, read again while the job goes on. */
import type { JobTrust } from '@peercompute/job-specs'
import { live } from './live.svelte.ts'
import { Loadable } from './loadable.svelte.ts'

const READ_EVERY_MS = 3_000

export class TrustView {
  readonly trust: Loadable<JobTrust>
  readonly #job: string

  constructor(job: string) {
    this.#job = job
    this.trust = new Loadable<JobTrust>(async (signal) => {
      const { getTrust } = await import('../services/api.ts')
      return getTrust(job, signal)
    })
  }

  /** Returns the function that ends it. */
  follow(): () => void {
    const ended = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    void this.trust.load(ended.signal)
    const leave = live.on((change) => {
      const isOurs = change.event === 'resync' || (change.event === 'job' && change.data.id === this.#job)
      if (!isOurs) return
      timer ??= setTimeout(() => {
        timer = undefined
        void this.trust.load(ended.signal)
      }, READ_EVERY_MS)
    })
    return () => {
      leave()
      clearTimeout(timer)
      ended.abort()
    }
  }
}
