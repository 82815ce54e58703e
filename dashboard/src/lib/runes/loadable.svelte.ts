/** Something read over HTTP: the last good value stays, with its time, whatever happens to the next reading. */
import { PeerComputeError, type ErrorCode } from '@peercompute/job-specs'
import { Reading } from '../services/reading.ts'

export interface Trouble {
  readonly code: ErrorCode
  readonly detail: string
}

export function troubleOf(error: unknown): Trouble {
  if (error instanceof PeerComputeError) return { code: error.code, detail: error.detail }
  return { code: 'INTERNAL', detail: error instanceof Error ? error.message : String(error) }
}

export class Loadable<T> {
  value = $state.raw<T | null>(null)
  loadedAtMs = $state<number | null>(null)
  trouble = $state.raw<Trouble | null>(null)
  readonly #reading: Reading<T>

  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.#reading = new Reading<T>({
      read,
      random: Math.random,
      onValue: (value) => {
        this.value = value
        this.loadedAtMs = Date.now()
      },
      onTrouble: (error) => {
        this.trouble = error === null ? null : troubleOf(error)
      }
    })
  }

  /** What came another way, e.g. over the event stream. An answer that was asked for before it does not undo it. */
  change(apply: (value: T) => T): void {
    this.#reading.change(apply)
  }

  /** Reads once more, and again after a failure that may pass. */
  load(signal: AbortSignal): Promise<void> {
    return this.#reading.load(signal)
  }
}
