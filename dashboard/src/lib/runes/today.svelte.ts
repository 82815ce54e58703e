/** Tiles that this browser finished since midnight, kept over reloads. The tab that computes counts; the others read its count. */
import { throttled } from '../services/throttle.ts'
import { volunteer } from './volunteer.svelte.ts'

const KEY = 'peercompute.today'

function day(): string {
  return new Date().toDateString()
}

function read(): number {
  const [stored, sent] = (localStorage.getItem(KEY) ?? '').split('|')
  return stored === day() ? Number(sent) || 0 : 0
}

class Today {
  sent = $state(read())

  #count = 0
  readonly #show = throttled(1_000, () => {
    this.sent = this.#count
    if (!volunteer.elsewhere) localStorage.setItem(KEY, `${day()}|${this.#count}`)
  })

  /** Returns the function that ends it. */
  follow(): () => void {
    this.#count = this.sent = read()
    return volunteer.onUnit((news) => {
      if (news.value === null) return
      // The tab that computes writes; the others read what it wrote.
      this.#count = volunteer.elsewhere ? read() : Math.max(this.#count, read()) + 1
      this.#show()
    })
  }
}

export const today = new Today()
