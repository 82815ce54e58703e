/** What happens next on a timeline: a binary heap by time; what is due at the same time comes in the order in which it was planned. */

interface Planned<Event> {
  readonly at: number
  readonly order: number
  readonly event: Event
}

export class EventQueue<Event> {
  readonly #heap: Planned<Event>[] = []
  #order = 0

  plan(at: number, event: Event): void {
    const heap = this.#heap
    const planned = { at, order: this.#order++, event }
    let index = heap.push(planned) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, planned)) break
      heap[index] = parent
      heap[above] = planned
      index = above
    }
  }

  next(): { readonly at: number; readonly event: Event } | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2]
      let least = last
      let at = index
      for (const child of [left, right]) {
        const planned = heap[child]
        if (planned === undefined || isBefore(least, planned)) continue
        least = planned
        at = child
      }
      heap[index] = least
      if (at === index) return first
      index = at
    }
  }
}

function isBefore<Event>(a: Planned<Event>, b: Planned<Event>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
