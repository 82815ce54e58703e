/** The unit under the double ring: why it is as it is, and its results side by side. */
import type { UnitReplicas, Why } from '@peercompute/job-specs'
import { troubleOf, type Trouble } from './loadable.svelte.ts'

/** Reading waits until the ring rests: holding an arrow key asks once, not for every cell that it crosses. */
const REST_MS = 250

export class UnitInspector {
  unit = $state(0)
  why = $state.raw<Why | null>(null)
  replicas = $state.raw<UnitReplicas | null>(null)
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
      this.replicas = null
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
      const { getReplicas, getWhy } = await import('../services/api.ts')
      const [why, replicas] = await Promise.all([getWhy(this.#job, unit, signal), getReplicas(this.#job, unit, signal)])
      this.why = why
      this.replicas = replicas
      this.trouble = null
    } catch (error) {
      if (!signal.aborted) this.trouble = troubleOf(error)
    }
  }
}
