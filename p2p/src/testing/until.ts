/** Turns of the event loop are looked at one by one for so long; what takes longer waits for sockets or threads, and gets the CPU. */
const EAGER_MS = 20
const THEN_EVERY_MS = 5

/** Waits until the condition holds; throws with `what` when it does not within `timeoutMs` of real time. */
export async function until(condition: () => boolean | Promise<boolean>, what = 'the condition holds', timeoutMs = 15_000): Promise<void> {
  const startedAt = Date.now()
  while (!(await condition())) {
    const waited = Date.now() - startedAt
    if (waited > timeoutMs) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`)
    await new Promise((resolve) => (waited < EAGER_MS ? setImmediate(resolve) : setTimeout(resolve, THEN_EVERY_MS)))
  }
}
