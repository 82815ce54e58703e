/** Announcements for screen readers: polite and at most one in ten seconds, the newest wins; errors at once. */
const QUIET_MS = 10_000

class Announcer {
  polite = $state('')
  urgent = $state('')
  #lastMs = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined
  #pending = ''

  say(text: string): void {
    if (text === this.polite) return
    this.#pending = text
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#lastMs = performance.now()
        this.polite = this.#pending
      },
      Math.max(0, this.#lastMs + QUIET_MS - performance.now())
    )
  }

  alarm(text: string): void {
    this.urgent = text
  }
}

export const announcer = new Announcer()
