/**
 * A UDP forwarder on loopback that loses, delays and reorders datagrams, as a NAT on a bad line would: each sender gets a port of its
 * own towards the target, and answers come back through the forwarder.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { seededRandom } from './seeded-random.ts'

export interface UdpLine {
  /** Share of datagrams that are lost, 0 to 1, in each direction. */
  readonly loss?: number
  /** One way, in milliseconds. */
  readonly delayMs?: number
  /** Up to so much later, each datagram for itself: that reorders them. */
  readonly jitterMs?: number
}

export interface LossyUdp {
  readonly port: number
  readonly forwarded: () => number
  readonly lost: () => number
  /** Datagrams that arrived before one that was sent earlier. */
  readonly reordered: () => number
  close(): Promise<void>
}

export async function startLossyUdp(
  targetPort: number,
  seed: number,
  { loss = 0, delayMs = 0, jitterMs = 0 }: UdpLine = {}
): Promise<LossyUdp> {
  const random = seededRandom(seed)
  const near = createSocket('udp4')
  /** By the sender's port. */
  const ways = new Map<number, Socket>()
  const timers = new Set<NodeJS.Timeout>()
  const counts = { forwarded: 0, lost: 0, reordered: 0 }

  const onLine = (): ((deliver: () => void) => void) => {
    let sent = 0
    let latest = 0
    return (deliver) => {
      const number = (sent += 1)
      if (random() < loss) {
        counts.lost += 1
        return
      }
      const timer = setTimeout(
        () => {
          timers.delete(timer)
          counts.forwarded += 1
          if (number < latest) counts.reordered += 1
          latest = Math.max(latest, number)
          deliver()
        },
        delayMs + random() * jitterMs
      )
      timers.add(timer)
    }
  }

  const wayOf = (sender: number): Socket => {
    const known = ways.get(sender)
    if (known !== undefined) return known
    const far = createSocket('udp4')
    const back = onLine()
    far.on('message', (data) => {
      back(() => near.send(data, sender, '127.0.0.1'))
    })
    far.on('error', () => undefined) // The target is away: its sender will find out by silence.
    ways.set(sender, far)
    return far
  }

  const there = new Map<number, (deliver: () => void) => void>()
  near.on('message', (data, { port }) => {
    const way = wayOf(port)
    const pass = there.get(port) ?? onLine()
    there.set(port, pass)
    pass(() => way.send(data, targetPort, '127.0.0.1'))
  })
  near.bind(0, '127.0.0.1')
  await once(near, 'listening')
  return {
    port: near.address().port,
    forwarded: () => counts.forwarded,
    lost: () => counts.lost,
    reordered: () => counts.reordered,
    close: async () => {
      for (const timer of timers) clearTimeout(timer)
      for (const way of ways.values()) way.close()
      near.close()
      await once(near, 'close')
    }
  }
}
