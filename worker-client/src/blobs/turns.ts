/** Runs at most `atOnce` tasks at a time, in the order in which they came. */
export function createTurns(atOnce: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    if (running >= atOnce)
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
      })
    else running += 1
    try {
      return await task()
    } finally {
      // the turn passes on to who waits longest
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
