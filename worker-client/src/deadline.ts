import { PeerComputeError } from '@peercompute/job-specs'
import { abortReason, sleep, type Clock } from '@peercompute/p2p/time'

/** Runs a task that gets `ms` of time: after it, its signal aborts and TIMEOUT is thrown, whatever the task does. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  parent: AbortSignal,
  what: string,
  task: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  const over = new AbortController()
  const signal = AbortSignal.any([parent, over.signal])
  const expiry = sleep(clock, ms, signal).then(() => {
    throw new PeerComputeError('TIMEOUT', `${what} took longer than ${ms} ms`)
  })
  expiry.catch(() => undefined)
  try {
    return await Promise.race([task(signal), expiry])
  } catch (error) {
    if (parent.aborted) throw abortReason(parent)
    throw error
  } finally {
    over.abort()
  }
}
