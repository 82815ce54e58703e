/** Values pushed by one side and iterated by the other, once. Ends after `end()`, or throws after `end(error)`, when drained. */
export interface AsyncQueue<T> extends AsyncIterable<T> {
  push(value: T): void
  end(error?: Error): void
}

export function createAsyncQueue<T>(): AsyncQueue<T> {
  const values: T[] = []
  let ended: { readonly error: Error | undefined } | null = null
  let wake: (() => void) | null = null
  const notify = () => {
    wake?.()
    wake = null
  }
  return {
    push(value) {
      if (ended !== null) return
      values.push(value)
      notify()
    },
    end(error) {
      ended ??= { error }
      notify()
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const next = values.shift()
        if (next !== undefined) {
          yield next
          continue
        }
        if (ended !== null) {
          if (ended.error !== undefined) throw ended.error
          return
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  }
}
