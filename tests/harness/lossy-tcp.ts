/**
 * A forwarding TCP proxy on loopback that is as bad as a real line: delay, jitter, lost packets, few bytes a second, stalls, resets.
 * TCP hides a lost packet from the program behind a pause of one retransmission time, so that is what a loss is here.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from './seeded-random.ts'

/** Bytes of one packet, for the share that is lost. */
const PACKET_BYTES = 1_400
/** Bytes under way in one direction before the sender is asked to wait. */
const WINDOW_BYTES = 256 * 1024

export interface TcpLine {
  /** One way, in milliseconds; a round trip takes twice that. */
  readonly delayMs?: number
  readonly jitterMs?: number
  /** Share of packets that are lost, 0 to 1. */
  readonly loss?: number
  /** What a lost packet costs, in milliseconds. */
  readonly retransmitMs?: number
  readonly bytesPerSecond?: number
  /** Each connection is reset after a random time, on average so long. */
  readonly meanLifeMs?: number
}

export interface LossyTcp {
  readonly port: number
  /** Open connections through it. */
  connections(): number
  /** Connections that this proxy has reset so far. */
  resets(): number
  /** Losses so far. */
  losses(): number
  /** Replaces the line's qualities from the next packet on. */
  become(line: TcpLine): void
  /** Nothing passes, and nothing closes, until `flow()`: a cable that is pulled. */
  stall(): void
  flow(): void
  /** Resets every open connection now. Returns how many. */
  resetAll(): number
  close(): Promise<void>
}

/** `target`: port on loopback, asked for at each connection. */
export async function startLossyTcp(target: () => number, seed: number, first: TcpLine = {}): Promise<LossyTcp> {
  const random = seededRandom(seed)
  const pairs = new Set<{ reset: () => void }>()
  let line = first
  let flowing = Promise.resolve()
  let release: (() => void) | undefined
  let resets = 0
  let losses = 0

  /** Milliseconds that these bytes spend on the line, beyond what was before them. */
  const transit = (bytes: number): { late: number; busy: number } => {
    const { delayMs = 0, jitterMs = 0, loss = 0, retransmitMs = 200 + 2 * delayMs, bytesPerSecond = Infinity } = line
    let stalled = 0
    for (let sent = 0; sent < bytes; sent += PACKET_BYTES) {
      if (random() >= loss) continue
      losses += 1
      stalled += retransmitMs
    }
    return { late: delayMs + random() * jitterMs, busy: stalled + (bytes / bytesPerSecond) * 1_000 }
  }

  /** In order, as TCP delivers: what is behind a lost packet waits with it. */
  const forward = (from: Socket, to: Socket): void => {
    let arrival = 0
    let waiting = 0
    let queue = Promise.resolve()
    const after = (bytes: number, deliver: () => void): void => {
      const { late, busy } = transit(bytes)
      arrival = Math.max(arrival, performance.now() + late) + busy
      const at = arrival
      queue = queue.then(async () => {
        const wait = at - performance.now()
        if (wait >= 1) await sleep(wait)
        await flowing
        if (!to.destroyed) deliver()
      })
    }
    from.on('data', (chunk: Buffer) => {
      waiting += chunk.length
      if (waiting > WINDOW_BYTES) from.pause()
      after(chunk.length, () => {
        const taken = (): void => {
          waiting -= chunk.length
          if (waiting <= WINDOW_BYTES) from.resume()
        }
        if (to.write(chunk)) taken()
        else to.once('drain', taken)
      })
    })
    from.on('end', () => {
      after(0, () => to.end())
    })
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    // whoever looks at addresses sees where the connection comes from, not this proxy
    const from = near.remoteAddress === undefined ? {} : { localAddress: near.remoteAddress }
    const far = connect({ port: target(), host: '127.0.0.1', allowHalfOpen: true, noDelay: true, ...from })
    let mortal: NodeJS.Timeout | undefined
    const pair = {
      reset: () => {
        near.resetAndDestroy()
        far.resetAndDestroy()
      }
    }
    const end = (): void => {
      clearTimeout(mortal)
      pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    pairs.add(pair)
    for (const socket of [near, far]) socket.on('error', end).on('close', end)
    if (line.meanLifeMs !== undefined) {
      mortal = setTimeout(
        () => {
          resets += 1
          pair.reset()
        },
        -Math.log(1 - random()) * line.meanLifeMs
      )
    }
    forward(near, far)
    forward(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const flow = (): void => {
    release?.()
    release = undefined
  }
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => pairs.size,
    resets: () => resets,
    losses: () => losses,
    become: (next) => {
      line = next
    },
    stall: () => {
      if (release !== undefined) return
      const { promise, resolve }: PromiseWithResolvers<void> = Promise.withResolvers()
      flowing = promise
      release = resolve
    },
    flow,
    resetAll: () => {
      const open = [...pairs]
      for (const pair of open) pair.reset()
      resets += open.length
      return open.length
    },
    close: async () => {
      flow()
      for (const pair of pairs) pair.reset()
      server.close()
      await once(server, 'close')
    }
  }
}
