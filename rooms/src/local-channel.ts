/** The leader computes, too: a channel between two parts of one program, in the shape of one between two. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { Frame } from '@peercompute/job-specs/protocol'
import type { FrameChannel } from '@peercompute/p2p'

export function localChannel(remote: string): [FrameChannel, FrameChannel] {
  const inboxes: [Frame[], Frame[]] = [[], []]
  let over: { error: Error | undefined } | undefined
  let wake: (() => void)[] = []

  const wakeAll = (): void => {
    const woken = wake
    wake = []
    for (const one of woken) one()
  }
  const end = (error?: Error): void => {
    over ??= { error }
    wakeAll()
  }

  async function* read(inbox: Frame[]): AsyncGenerator<Frame, void> {
    for (;;) {
      const next = inbox.shift()
      if (next !== undefined) yield next
      else if (over === undefined) await new Promise<void>((resolve) => wake.push(resolve))
      else if (over.error === undefined) return
      else throw over.error
    }
  }

  const side = (own: Frame[], other: Frame[]): FrameChannel => ({
    remote,
    frames: { [Symbol.asyncIterator]: () => read(own) },
    async send(message, attachment = new Uint8Array(0)) {
      if (over !== undefined) throw new PeerComputeError('PEER_UNREACHABLE', 'the channel is closed')
      // as on a wire: neither side sees what the other changes later
      other.push({ message: structuredClone(message), attachment: attachment.slice() })
      wakeAll()
    },
    async close() {
      end()
    },
    abort: end
  })
  return [side(inboxes[0], inboxes[1]), side(inboxes[1], inboxes[0])]
}
