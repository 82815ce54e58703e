/**
 * A channel whose frames only holders of a key can read, on top of libp2p's own encryption, which is between two peers whoever
 * they are. Each frame is bound to the context, to both PeerIds and to its place in the stream, so that none can be sent back,
 * played again, or carried to somebody else.
 *
 * Who answers a stream says nothing until the first frame has opened: whoever has no key learns only that the stream ends.
 */
import { PeerComputeError, type Bytes } from '@peercompute/job-specs'
import { decodeFrames, encodeFrame, type Frame } from '@peercompute/job-specs/protocol'
import { asError } from './as-error.ts'
import { openBytes, SEAL_BYTES, sealBytes } from './sealed-bytes.ts'
import { FIRST_SEALED_FRAME_MS } from './settings.ts'
import type { FrameChannel } from './frame-channel.ts'

export interface ChannelSeal {
  /** AES-GCM, 256 bit. */
  readonly key: CryptoKey
  /** Room and protocol: the same on both sides. */
  readonly context: string
  /** Own PeerId. */
  readonly self: string
  readonly opener: 'us' | 'them'
}

/** How much larger a sealed frame is than its content: seal, inner lengths, and the empty message around it. */
export const SEALED_FRAME_BYTES = SEAL_BYTES + 16

/** The limit of `channel` must leave room for SEALED_FRAME_BYTES. The channel given is used up. */
export function sealChannel(channel: FrameChannel, { key, context, self, opener }: ChannelSeal): FrameChannel {
  const admitted = Promise.withResolvers<undefined>()
  admitted.promise.catch(() => undefined)
  let sent = 0
  let received = 0
  let sending: Promise<void> = Promise.resolve()

  const deadline =
    opener === 'us'
      ? undefined
      : setTimeout(() => {
          end(new PeerComputeError('TIMEOUT', `${channel.remote} has sent nothing that opens`))
        }, FIRST_SEALED_FRAME_MS)
  if (opener === 'us') admitted.resolve(undefined)

  const place = (from: string, to: string, count: number): string => [context, from, to, count].join('\n')

  function end(error: Error): void {
    refuse(error)
    channel.abort(error)
  }

  function refuse(error: Error): void {
    clearTimeout(deadline)
    admitted.reject(error)
  }

  async function write(frame: Bytes): Promise<void> {
    await admitted.promise
    await channel.send({}, await sealBytes(key, place(self, channel.remote, sent), frame))
    sent += 1
  }

  async function open({ attachment }: Frame): Promise<Frame> {
    const plain = await openBytes(key, place(channel.remote, self, received), attachment)
    const [frame, ...more] = plain === null ? [] : decodeFrames(plain, plain.length)
    if (frame === undefined || more.length > 0) throw new PeerComputeError('FRAME_INVALID', 'a frame that does not open')
    received += 1
    clearTimeout(deadline)
    admitted.resolve(undefined)
    return frame
  }

  async function* read(): AsyncGenerator<Frame, void> {
    try {
      for await (const frame of channel.frames) yield await opened(frame)
      refuse(new PeerComputeError('PEER_UNREACHABLE', `${channel.remote} closed the stream`))
    } catch (error) {
      refuse(asError(error))
      throw error
    }
  }

  async function opened(frame: Frame): Promise<Frame> {
    try {
      return await open(frame)
    } catch (error) {
      end(asError(error))
      throw error
    }
  }

  return {
    remote: channel.remote,
    frames: { [Symbol.asyncIterator]: read },
    send(message, attachment) {
      const frame = encodeFrame(message, attachment)
      const done = sending.then(() => write(frame))
      sending = done.catch(() => undefined)
      return done
    },
    async close() {
      // what is waiting goes out first, unless it may not
      if (received === 0 && opener === 'them') refuse(new PeerComputeError('PEER_UNREACHABLE', 'the stream is closed'))
      await sending
      await channel.close()
    },
    abort: end
  }
}
