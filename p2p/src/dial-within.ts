import { abortReason } from './time/sleep.ts'
import type { PeerNode } from './gossip.ts'
import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * Dials one peer under these addresses, and has an end in any case: a signal that was made of several may be collected before it
 * fires, and a dial may join one that does not heed it. Rejects with what went wrong, or with the reason of the abort.
 */
export async function dialWithin(node: PeerNode, addresses: Multiaddr[], ms: number, signal: AbortSignal): Promise<Connection> {
  const over = new AbortController()
  const onAbort = (): void => {
    over.abort(abortReason(signal))
  }
  const timer = setTimeout(() => {
    over.abort(new Error(`no answer within ${ms / 1_000} s`))
  }, ms)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([node.dial(addresses, { signal: over.signal }), aborted(over.signal)])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => {
      reject(abortReason(signal))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}
