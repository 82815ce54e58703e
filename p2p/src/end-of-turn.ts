/** Runs a task when what is under way now, promises that are settled already included, is done. */
export const atEndOfTurn: (task: () => void) => void =
  typeof process === 'object' && typeof process.nextTick === 'function'
    ? // Node empties the queue of microtasks before it looks at the next tick that one of them has asked for.
      (task) => {
        queueMicrotask(() => {
          process.nextTick(task)
        })
      }
    : queueMicrotask
