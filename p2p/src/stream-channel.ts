/** A FrameChannel over a libp2p stream. */
import { pipeChannel, type PipeChannelOptions } from './pipe-channel.ts'
import { streamPipe } from './stream-pipe.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { Stream } from '@libp2p/interface'

/** Call it in the same turn in which the stream was received: a stream without a listener is reset after 4 MiB. */
export function streamChannel(stream: Stream, remote: string, options: PipeChannelOptions): FrameChannel {
  return pipeChannel(streamPipe(stream, remote), options)
}
