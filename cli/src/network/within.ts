const EVERY_MS = 50

/** True as soon as the condition holds, false when it does not within the time. Rejects when the signal aborts. */
export async function within(ms: number, signal: AbortSignal, condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + ms
  for (;;) {
    signal.throwIfAborted()
    if (condition()) return true
    const left = deadline - performance.now()
    if (left <= 0) return false
    await new Promise((resolve) => setTimeout(resolve, Math.min(EVERY_MS, left)))
  }
}
