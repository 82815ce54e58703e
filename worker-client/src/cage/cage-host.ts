/** The trusted script of a cage, without what differs between runtimes. Runs inside the cage: our own code only. */
import type { FrameOrder } from '../sandbox/frame-messages.ts'
import { unitHost, type HostPorts } from '../sandbox/unit-host.ts'
import type { CageMessage } from './cage-messages.ts'
import { encodeFrame, FrameReader } from './frame-codec.ts'

const ORDER_MAX_BYTES = 4_294_967_295

export interface CagePorts extends Pick<HostPorts, 'start'> {
  readonly program: string
  /** Resident bytes of this process. */
  readonly memoryBytes: () => number
  readonly write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>
}

function joinedFrames(frames: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [only] = frames
  if (frames.length === 1 && only !== undefined) return only
  const joined = new Uint8Array(frames.reduce((sum, frame) => sum + frame.byteLength, 0))
  let at = 0
  for (const frame of frames) {
    joined.set(frame, at)
    at += frame.byteLength
  }
  return joined
}

/** Returns what takes the bytes of standard input. */
export function cageHost({ program, memoryBytes, start, write }: CagePorts): (piece: Uint8Array) => void {
  const reader = new FrameReader(ORDER_MAX_BYTES)
  let queued: Uint8Array<ArrayBuffer>[] = []
  let writing = false

  async function flush(): Promise<void> {
    writing = true
    while (queued.length > 0) {
      const frames = queued
      queued = []
      await write(joinedFrames(frames))
    }
    writing = false
  }
  function say(message: CageMessage): void {
    queued.push(encodeFrame(message))
    if (!writing) void flush()
  }

  const obey = unitHost({ programs: { cpu: program }, tell: say, start })
  say({ type: 'ready' })
  return (piece) => {
    for (const order of reader.push(piece)) {
      if ((order as FrameOrder).type === 'ping') say({ type: 'memory', bytes: memoryBytes() })
      obey(order as FrameOrder)
    }
  }
}
