/** Researchers who wait for the operator's approval, for a browser that may decide. */
import type { ResearcherView } from '@peercompute/job-specs'
import { live } from './live.svelte.ts'
import { Loadable, troubleOf, type Trouble } from './loadable.svelte.ts'

const READ_EVERY_MS = 2_000

export class ResearcherQueue {
  readonly #read = new Loadable<readonly ResearcherView[]>(async (signal) => {
    const { getResearchers, mayOperate } = await import('../services/api.ts')
    // Whoever may not is not asked for a token here: most who look at the fleet only look.
    return (await mayOperate(signal)) ? getResearchers(signal) : []
  })
  /** Who asked first comes first. */
  readonly waiting = $derived((this.#read.value ?? []).filter(({ status }) => status === 'waiting').sort((a, b) => a.askedAt - b.askedAt))
  deciding = $state<string | null>(null)
  trouble = $state.raw<Trouble | null>(null)

  /** Returns the function that ends it. */
  follow(): () => void {
    const ended = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    void this.#read.load(ended.signal)
    const leave = live.on((change) => {
      if (change.event !== 'job' && change.event !== 'resync') return
      timer ??= setTimeout(() => {
        timer = undefined
        void this.#read.load(ended.signal)
      }, READ_EVERY_MS)
    })
    return () => {
      leave()
      clearTimeout(timer)
      ended.abort()
    }
  }

  async decide(author: string, action: 'approve' | 'refuse'): Promise<void> {
    this.deciding = author
    try {
      const { decideResearcher } = await import('../services/api.ts')
      const { researcher } = await decideResearcher(author, action)
      this.trouble = null
      this.#read.change((researchers) => researchers.map((known) => (known.author === author ? researcher : known)))
    } catch (error) {
      this.trouble = troubleOf(error)
    } finally {
      this.deciding = null
    }
  }
}
