/** Passes bytes from each of two pipes to the other, no faster than the slower one takes them. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { BytePipe } from '@peercompute/p2p'

/** Whoever takes nothing for so long is gone. */
const STALL_MS = 60_000

/** The end of one is the end of the other: a goodbye becomes a goodbye, a loss an abort. */
export function joinPipes(one: BytePipe, other: BytePipe): void {
  pass(one, other)
  pass(other, one)
}

function pass(from: BytePipe, to: BytePipe): void {
  let waiting = false

  function abort(error: Error): void {
    from.abort(error)
    to.abort(error)
  }

  async function waitForRoom(): Promise<void> {
    waiting = true
    from.pause()
    const inTime = await to.whenReady(STALL_MS)
    waiting = false
    if (inTime) from.resume()
    else abort(new PeerComputeError('TIMEOUT', `${to.remote} has read nothing for ${STALL_MS} ms`))
  }

  from.listen({
    data(bytes) {
      try {
        to.write(bytes)
      } catch (error) {
        abort(error instanceof Error ? error : new Error(String(error)))
        return
      }
      if (!to.ready && !waiting) void waitForRoom()
    },
    end(error) {
      if (error === undefined) void to.close()
      else to.abort(error)
    }
  })
}
