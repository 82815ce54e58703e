/**
 * Keeps out who asks for nothing (see useless-budget.ts). Whoever has spent its budget is read no faster than the budget grows: an
 * honest host waits for its answers, e.g. with an outbox full of results that are known by now, and is slowed down. Whoever does not
 * wait is cut.
 * Peers are told apart by key, never by address: volunteers share addresses behind a NAT. New keys cost nothing but a new connection
 * each, and those are bounded by the relay's join queue and by `createUpgradeGate`.
 */
import { PeerComputeError } from '@peercompute/job-specs'
import type { Frame } from '@peercompute/job-specs/protocol'
import type { FrameChannel } from '@peercompute/p2p'
import type { Clock } from '@peercompute/p2p/time'
import { readAhead } from './read-ahead.ts'
import { createUselessBudget, USELESS_PER_SECOND } from './useless-budget.ts'

/** A host sends four reports at once, and for each executor a question; it may give back all its leases together. */
export const UNANSWERED_MAX = 32
/** The first time; each further time doubles it. */
export const FIRST_OUT_MS = 30_000
export const LONGEST_OUT_MS = 600_000
/** PeerIds cost nothing to make: whoever was put out longest ago is forgotten. */
const PEERS_MAX = 10_000

export interface FloodGuard {
  /** True while the peer is kept out. */
  isOut(peer: string): boolean
  /** The same channel, with every frame counted. Its frames end with RATE_LIMITED when the peer is put out. */
  watch(channel: FrameChannel): FrameChannel
}

/** `cut` ends all connections of a peer. Called once each time that it is put out. */
export function createFloodGuard(clock: Clock, cut: (peer: string) => void): FloodGuard {
  const budget = createUselessBudget(clock)
  const out = new Map<string, { readonly until: number; readonly times: number }>()
  /** Streams and frames of a peer that wait for its budget to grow. */
  const queues = new Map<string, number>()

  function isOut(peer: string): boolean {
    return (out.get(peer)?.until ?? 0) > clock.now()
  }

  function putOut(peer: string): void {
    if (isOut(peer)) return
    const times = out.get(peer)?.times ?? 0
    out.delete(peer)
    out.set(peer, { until: clock.now() + Math.min(LONGEST_OUT_MS, FIRST_OUT_MS * 2 ** times), times: times + 1 })
    const oldest = out.size > PEERS_MAX ? out.keys().next() : undefined
    if (oldest !== undefined && oldest.done !== true) out.delete(oldest.value)
    cut(peer)
  }

  function refuseWhoIsOut(peer: string): void {
    if (isOut(peer)) throw new PeerComputeError('RATE_LIMITED', 'this peer is kept out for a while')
  }

  function queue(peer: string, more: number): number {
    const length = (queues.get(peer) ?? 0) + more
    if (length > 0) queues.set(peer, length)
    else queues.delete(peer)
    return length
  }

  /** Resolves when the budget allows for one more. Throws RATE_LIMITED when too much waits for that. */
  async function spend(peer: string, ahead: ReturnType<typeof readAhead>): Promise<void> {
    if (budget.take(peer)) return
    let own = 0
    try {
      do {
        const change = 1 + ahead.waiting - own
        own += change
        if (queue(peer, change) > UNANSWERED_MAX) putOut(peer)
        refuseWhoIsOut(peer)
        await waitFor(ahead.more())
      } while (!budget.take(peer))
    } finally {
      queue(peer, -own)
    }
  }

  async function waitFor(more: Promise<unknown>): Promise<void> {
    const grown = Promise.withResolvers<undefined>()
    const cancel = clock.schedule(1_000 / USELESS_PER_SECOND, () => {
      grown.resolve(undefined)
    })
    await Promise.race([more, grown.promise])
    cancel()
  }

  async function* counted(channel: FrameChannel): AsyncGenerator<Frame> {
    const peer = channel.remote
    refuseWhoIsOut(peer)
    const ahead = readAhead(channel.frames)
    try {
      // A stream that is opened and left costs as much as a message.
      await spend(peer, ahead)
      for (let frame = await ahead.next(); frame !== undefined; frame = await ahead.next()) {
        await spend(peer, ahead)
        refuseWhoIsOut(peer)
        yield frame
      }
    } finally {
      ahead.stop()
    }
  }

  return {
    isOut,
    watch: (channel) => ({
      remote: channel.remote,
      frames: { [Symbol.asyncIterator]: () => counted(channel) },
      send(message, attachment) {
        budget.answered(channel.remote, message)
        return channel.send(message, attachment)
      },
      close: () => channel.close(),
      abort: (error) => {
        channel.abort(error)
      }
    })
  }
}
