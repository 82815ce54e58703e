/** Live events for the pages, with one switch that holds everything that moves. */
import type { LiveEvent } from '@peercompute/job-specs'
import type { LiveNote } from '../services/live-stream.ts'

/** `resync`: something may have been missed; read what you show again. */
export type LiveChange = LiveEvent | { readonly event: 'resync' }

class Live {
  note = $state.raw<LiveNote>({ status: 'connecting', atMs: Date.now(), retryAtMs: null })
  /** When the stream last brought something; what the pages show is as old as this. */
  lastMs = $state(Date.now())
  heldSinceMs = $state<number | null>(null)
  /** Changes that came while held. */
  behind = $state(0)
  fleet = $state.raw<Extract<LiveEvent, { event: 'fleet' }>['data'] | null>(null)
  readonly #listeners = new Set<(change: LiveChange) => void>()

  /** Joins the browser's one stream. Returns the function that leaves it. */
  follow(): () => void {
    let leave: () => void = () => undefined
    let left = false
    void Promise.all([import('../services/live-stream.ts'), import('../services/live-parts.ts')]).then(
      ([{ followLive }, { browserParts }]) => {
        if (left) return
        leave = followLive(browserParts, {
          onEvent: (event) => {
            this.#take(event)
          },
          onResync: () => {
            this.#take({ event: 'resync' })
          },
          onStatus: (note) => {
            this.note = note
            if (note.status === 'live') this.lastMs = note.atMs
          }
        })
      }
    )
    return () => {
      left = true
      leave()
    }
  }

  on(listener: (change: LiveChange) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  hold(): void {
    this.heldSinceMs = Date.now()
    this.behind = 0
  }

  release(): void {
    this.heldSinceMs = null
    if (this.behind > 0) this.#tell({ event: 'resync' })
    this.behind = 0
  }

  #take(change: LiveChange): void {
    this.lastMs = Date.now()
    if (this.heldSinceMs !== null) {
      this.behind += 1
      return
    }
    if (change.event === 'fleet') this.fleet = change.data
    this.#tell(change)
  }

  #tell(change: LiveChange): void {
    for (const listener of [...this.#listeners]) listener(change)
  }
}

export const live = new Live()
