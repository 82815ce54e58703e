/** The relay's side of `/peercompute/peers/1`: it tells its clients of each other. */
import {
  ANNOUNCEMENT_MAX_BYTES,
  peerIntroductionSchema,
  PEERS_FRAME_MAX_BYTES,
  PEERS_PROTOCOL,
  type PeersMessage
} from '@peercompute/job-specs/protocol'
import { authorOf } from './announcement.ts'
import { handleChannel } from './channels.ts'
import { createPeersRegistry } from './relay-peers-registry.ts'
import { INTRODUCE_AGAIN_MS, INTRODUCE_MS, INTRODUCE_PER_CLIENT_MS } from './settings.ts'
import { systemClock, type Clock, type Random } from './time/clock.ts'
import { sleep } from './time/sleep.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { PeerNode } from './gossip.ts'

export interface IntroduceOptions {
  readonly clock?: Clock
  readonly random?: Random
}

/**
 * Several streams of one client count once; the newest is told. An announcement of somebody else ends its stream. Returns the
 * function that stops it.
 */
export async function introducePeers(
  relay: PeerNode,
  { clock = systemClock, random }: IntroduceOptions = {}
): Promise<() => Promise<void>> {
  const registry = createPeersRegistry(random)
  const stopping = new AbortController()
  const channels = new Map<string, FrameChannel>()
  const sending = new Set<FrameChannel>()
  let cancelTick: (() => void) | undefined

  /** Soon, and the later the more clients there are: they learn of every change. */
  function tick(): void {
    cancelTick ??= clock.schedule(Math.max(INTRODUCE_MS, channels.size * INTRODUCE_PER_CLIENT_MS), () => {
      cancelTick = undefined
      for (const [peer, channel] of channels) void tell(peer, channel)
    })
  }

  /** A client that reads slowly is told the newest when it is ready, and holds nobody else up. */
  async function tell(peer: string, channel: FrameChannel): Promise<void> {
    if (sending.has(channel)) return
    sending.add(channel)
    try {
      while (channels.get(peer) === channel) {
        const next = registry.take(peer)
        if (next === null) return
        const { crowd, rank, announcements } = next
        const message: PeersMessage = { type: 'peers', crowd, rank, sizes: announcements.map(({ length }) => length) }
        await channel.send(message, joined(announcements))
      }
    } catch {
      // its handler sees the same end
    } finally {
      sending.delete(channel)
    }
  }

  const stopHandling = await handleChannel(
    relay,
    PEERS_PROTOCOL,
    { limit: PEERS_FRAME_MAX_BYTES, maxInboundStreams: 2, overRelay: false },
    async (channel, { peer }) => {
      const visit = registry.join(peer)
      channels.set(peer, channel)
      tick()
      try {
        for await (const { message, attachment } of channel.frames) {
          if (!peerIntroductionSchema.safeParse(message).success || attachment.length > ANNOUNCEMENT_MAX_BYTES) return
          if (authorOf(attachment) !== peer) return
          registry.announce(peer, attachment.slice())
          tick()
          await sleep(clock, INTRODUCE_AGAIN_MS, stopping.signal)
        }
      } finally {
        registry.leave(peer, visit)
        if (channels.get(peer) === channel) channels.delete(peer)
        tick()
      }
    }
  )
  return async () => {
    stopping.abort()
    await stopHandling()
    cancelTick?.()
    for (const channel of channels.values()) void channel.close()
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
