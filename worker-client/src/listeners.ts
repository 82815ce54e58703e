export interface Listeners<T> {
  /** Returns the function that ends the subscription. */
  readonly on: (listener: (value: T) => void) => () => void
  readonly emit: (value: T) => void
}

/** Typed events. A listener that throws harms neither the others nor the emitter; its error reaches the global handler. */
export function createListeners<T>(): Listeners<T> {
  const listeners = new Set<(value: T) => void>()
  return {
    on(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    emit(value) {
      for (const listener of [...listeners]) {
        try {
          listener(value)
        } catch (error) {
          queueMicrotask(() => {
            throw error
          })
        }
      }
    }
  }
}
