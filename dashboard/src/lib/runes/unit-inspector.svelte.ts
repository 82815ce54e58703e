/** The unit under the double ring: why it is as it is, and who voted. */
import type { ResultRow, Why } from '@peercompute/job-specs'
import { troubleOf, type Trouble } from './loadable.svelte.ts'

/** Reading waits until the ring rests: holding an arrow key asks once, not for every cell that it crosses. */
const REST_MS = 250

export class UnitInspector {
  unit = $state(0)
  why = $state.raw<Why | null>(null)
  row = $state.raw<ResultRow | null>(null)
  trouble = $state.raw<Trouble | null>(null)
  readonly #job: string
  #ended: AbortController | null = null

  constructor(job: string) {
    this.#job = job
  }

  inspect(unit: number): void {
    this.end()
    if (unit !== this.unit) {
      this.why = null
      this.row = null
    }
    this.unit = unit
    const ended = new AbortController()
    this.#ended = ended
    const timer = setTimeout(() => void this.#read(unit, ended.signal), REST_MS)
    ended.signal.addEventListener('abort', () => {
      clearTimeout(timer)
    })
  }

  end(): void {
    this.#ended?.abort()
  }

  async #read(unit: number, signal: AbortSignal): Promise<void> {
    try {
      const { getResults, getWhy } = await import('../services/api.ts')
      const [why, page] = await Promise.all([getWhy(this.#job, unit, signal), getResults(this.#job, unit, 1, signal)])
      const row = page.rows[0]
      this.why = why
      this.row = row?.unit === unit ? row : null
      this.trouble = null
    } catch (error) {
      if (!signal.aborted) this.trouble = troubleOf(error)
    }
  }
}
