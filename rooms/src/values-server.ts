/** Sends a member all values that are held here, and then what comes. */
import { ROOM_VALUES_MAX, type RoomValues } from '@peercompute/job-specs/protocol'
import { concat } from '@peercompute/job-specs'
import type { FrameChannel } from '@peercompute/p2p'
import type { RoomValueStore, UnitName } from './room-values.ts'

/** Values of one frame; one that is larger goes alone, and is smaller than a frame may be. */
const FRAME_BYTES = 1_048_576

/** Until the channel ends, or the signal aborts. */
export async function serveValues(channel: FrameChannel, values: RoomValueStore, signal: AbortSignal): Promise<void> {
  let waiting: UnitName[] = []
  let wake: () => void = () => undefined
  let over = signal.aborted
  const end = (): void => {
    over = true
    wake()
  }
  const stopListening = values.onPut((name) => {
    waiting.push(name)
    wake()
  })
  waiting = values.held()
  signal.addEventListener('abort', end, { once: true })
  const reading = drain(channel).then(end, end)
  try {
    while (!over) {
      const batch = nextRun(waiting, values)
      if (batch !== null) {
        await channel.send(
          { type: 'values', job: batch.job, start: batch.start, count: batch.values.length } satisfies RoomValues,
          concat(batch.values)
        )
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    stopListening()
    signal.removeEventListener('abort', end)
    await channel.close()
    await reading
  }
}

interface Run {
  readonly job: UnitName['job']
  readonly start: number
  readonly values: Uint8Array[]
}

/** Takes units that follow each other, of equal length, from the front; skips what is no longer held. */
function nextRun(waiting: UnitName[], values: RoomValueStore): Run | null {
  let run: Run | null = null
  let bytes = 0
  let taken = 0
  for (const { job, unit } of waiting) {
    const value = values.get(job, unit)
    if (value !== undefined) {
      const first = run?.values[0]
      if (run === null || first === undefined) run = { job, start: unit, values: [value] }
      else if (job !== run.job || unit !== run.start + run.values.length || value.length !== first.length) break
      else if (run.values.length >= ROOM_VALUES_MAX || bytes + value.length > FRAME_BYTES) break
      else run.values.push(value)
      bytes += value.length
    }
    taken += 1
  }
  waiting.splice(0, taken)
  return run
}

/** Until the other side ends. */
async function drain(channel: FrameChannel): Promise<void> {
  const reader = channel.frames[Symbol.asyncIterator]()
  while ((await reader.next()).done !== true) continue
}
