/**
 * What the frame tells the page goes out in batches, one on its way at a time. A message leaves at once when none is; what comes
 * meanwhile waits and leaves together, so that short units cost the page little and a busy page is never flooded. No timers: a
 * hidden tab has slow ones.
 */
/** Small enough to be checked, and copied, within a few milliseconds: while it is, the page paints nothing. */
export const BATCH_MAX_MESSAGES = 64
const BATCH_BYTES = 262_144

export interface FrameBatches<Message> {
  readonly tell: (message: Message, transfer: ArrayBuffer[]) => void
  /** The page has taken the last batch. */
  readonly heard: () => void
}

export function frameBatches<Message>(send: (batch: readonly Message[], transfer: ArrayBuffer[]) => void): FrameBatches<Message> {
  let waiting: { readonly message: Message; readonly transfer: ArrayBuffer[] }[] = []
  let underway = false

  function next(): void {
    underway = waiting.length > 0
    if (!underway) return
    let bytes = 0
    let count = 0
    while (count < waiting.length && count < BATCH_MAX_MESSAGES && bytes < BATCH_BYTES) {
      for (const { byteLength } of waiting[count]?.transfer ?? []) bytes += byteLength
      count++
    }
    const batch = waiting.slice(0, count)
    waiting = waiting.slice(count)
    send(
      batch.map(({ message }) => message),
      batch.flatMap(({ transfer }) => transfer)
    )
  }

  return {
    tell(message, transfer) {
      waiting.push({ message, transfer })
      if (!underway) next()
    },
    heard: next
  }
}
