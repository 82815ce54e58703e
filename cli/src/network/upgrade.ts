/** Whether a WebSocket passes on the way to a relay: proxies often let everything else through. */

/** Milliseconds until it was open, or why it is not. Never rejects, unless `signal` aborts. */
export function tryUpgrade(
  url: string,
  deadlineMs: number,
  signal: AbortSignal
): Promise<{ readonly ms: number } | { readonly cause: string }> {
  signal.throwIfAborted()
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    const end = (settle: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', give)
      socket.onopen = socket.onerror = null
      socket.close()
      settle()
    }
    const give = () => {
      end(() => {
        reject(signal.reason instanceof Error ? signal.reason : new Error('Interrupted'))
      })
    }
    const timer = setTimeout(() => {
      end(() => {
        resolve({ cause: `no answer in ${deadlineMs / 1_000} s` })
      })
    }, deadlineMs)
    signal.addEventListener('abort', give, { once: true })
    socket.onopen = () => {
      end(() => {
        resolve({ ms: performance.now() - started })
      })
    }
    socket.onerror = (event) => {
      const { message } = event as Event & { readonly message?: string }
      end(() => {
        resolve({ cause: message === undefined || message === '' ? 'the upgrade was refused' : message })
      })
    }
  })
}
