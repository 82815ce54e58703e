/** Peers that nobody talks to for a while. Bounded: PeerIds cost nothing to make. */
import type { Clock } from './time/clock.ts'

const BANNED_MAX = 1_024
export const BAN_MS = 600_000

export class BanList {
  readonly #until = new Map<string, number>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(peer: string): void {
    this.#until.delete(peer)
    const oldest = this.#until.size >= BANNED_MAX ? this.#until.keys().next() : undefined
    if (oldest !== undefined && oldest.done !== true) this.#until.delete(oldest.value)
    this.#until.set(peer, this.#clock.now() + BAN_MS)
  }

  has(peer: string): boolean {
    const until = this.#until.get(peer)
    if (until === undefined) return false
    if (until > this.#clock.now()) return true
    this.#until.delete(peer)
    return false
  }
}
