/** Frames that have come before somebody wants them, so that it is seen how many there are. */
import type { Frame } from '@peercompute/job-specs/protocol'

export interface ReadAhead {
  /** Frames that wait. */
  readonly waiting: number
  /** The next one; undefined at the end. Rejects as the frames do, after the last that came. */
  next(): Promise<Frame | undefined>
  /** Resolves when one more waits. Never while WAITING_MAX_BYTES wait, nor at the end. */
  more(): Promise<unknown>
  /** Whoever sends is no longer read. */
  stop(): void
}

/** Beyond it, frames are left in the transport, which slows the sender down. */
const WAITING_MAX_BYTES = 1_048_576

export function readAhead(frames: AsyncIterable<Frame>): ReadAhead {
  const source = frames[Symbol.asyncIterator]()
  const waiting: Frame[] = []
  const never = new Promise<never>(() => undefined)
  let upcoming: Promise<void> | null = null
  let over: { readonly error: Error | undefined } | null = null
  let bytes = 0

  function pull(): Promise<void> {
    upcoming ??= source.next().then(
      (result) => {
        upcoming = null
        if (result.done === true) over = { error: undefined }
        else {
          waiting.push(result.value)
          bytes += result.value.attachment.length
        }
      },
      (error: unknown) => {
        over = { error: error instanceof Error ? error : new Error(String(error)) }
      }
    )
    return upcoming
  }

  return {
    get waiting() {
      return waiting.length
    },
    async next() {
      while (waiting.length === 0 && over === null) await pull()
      const frame = waiting.shift()
      if (frame !== undefined) bytes -= frame.attachment.length
      else if (over?.error !== undefined) throw over.error
      return frame
    },
    more: () => (over !== null || bytes > WAITING_MAX_BYTES ? never : pull().then(() => (over === null ? undefined : never))),
    stop() {
      void source.return?.().catch(() => undefined)
    }
  }
}
