/**
 * Keeps out who asks for nothing. Each frame costs a peer a token, and an answer that moved something on gives it back: however fast
 * an honest host reports, it pays nothing, and a flood of well-formed questions is as dear as one of garbage.
 * Peers are told apart by key, never by address: volunteers share addresses behind a NAT. New keys cost nothing but a new connection
 * each, and those are bounded by the relay's join queue and by `createUpgradeGate`.
 */
import { PeerComputeError, type ReportAnswer } from '@peercompute/job-specs'
import type { Frame } from '@peercompute/job-specs/protocol'
import type { FrameChannel } from '@peercompute/p2p'
import type { Clock } from '@peercompute/p2p/time'

/** An idle host asks less than once a second for each of its executors. Low, because a server under a flood reads each peer slowly. */
export const USELESS_PER_SECOND = 5
/** A host that comes back may send again what it does not know to have arrived. */
export const USELESS_BURST = 50
/** The first time; each further time doubles it. */
export const FIRST_OUT_MS = 30_000
export const LONGEST_OUT_MS = 600_000
/** PeerIds cost nothing to make: whoever was seen longest ago is forgotten. */
const PEERS_MAX = 10_000

export interface FloodGuard {
  /** True while the peer is kept out. */
  isOut(peer: string): boolean
  /** The same channel, with every frame counted. Its frames end with RATE_LIMITED when the peer has spent what it had. */
  watch(channel: FrameChannel): FrameChannel
}

/** Answers to results that the coordinator had not seen before. */
const NEWS: ReadonlySet<unknown> = new Set<ReportAnswer>(['accepted', 'late', 'rejected'])

interface Account {
  tokens: number
  at: number
  outUntil: number
  timesOut: number
}

/** `cut` ends all connections of a peer. Called once each time that it is put out. */
export function createFloodGuard(clock: Pick<Clock, 'now'>, cut: (peer: string) => void): FloodGuard {
  const accounts = new Map<string, Account>()

  function accountOf(peer: string): Account {
    const account = accounts.get(peer) ?? { tokens: USELESS_BURST, at: clock.now(), outUntil: 0, timesOut: 0 }
    accounts.delete(peer)
    accounts.set(peer, account)
    const oldest = accounts.size > PEERS_MAX ? accounts.keys().next() : undefined
    if (oldest !== undefined && oldest.done !== true) accounts.delete(oldest.value)
    return account
  }

  function give(peer: string, tokens: number): void {
    const account = accountOf(peer)
    account.tokens = Math.min(USELESS_BURST, account.tokens + tokens)
  }

  /** Throws RATE_LIMITED when there is nothing left. */
  function spend(peer: string): void {
    const account = accountOf(peer)
    const now = clock.now()
    give(peer, (Math.max(0, now - account.at) / 1_000) * USELESS_PER_SECOND)
    account.at = now
    account.tokens -= 1
    if (account.tokens >= 0) return
    if (account.outUntil <= now) {
      account.outUntil = now + Math.min(LONGEST_OUT_MS, FIRST_OUT_MS * 2 ** account.timesOut)
      account.timesOut += 1
      cut(peer)
    }
    throw new PeerComputeError('RATE_LIMITED', `more than ${USELESS_PER_SECOND} messages a second that led to nothing`)
  }

  function isOut(peer: string): boolean {
    return (accounts.get(peer)?.outUntil ?? 0) > clock.now()
  }

  async function* counted(channel: FrameChannel): AsyncGenerator<Frame> {
    if (isOut(channel.remote)) throw new PeerComputeError('RATE_LIMITED', 'this peer is kept out for a while')
    // A stream that is opened and left costs as much as a message.
    spend(channel.remote)
    for await (const frame of channel.frames) {
      spend(channel.remote)
      yield frame
    }
  }

  return {
    isOut,
    watch: (channel) => ({
      remote: channel.remote,
      frames: { [Symbol.asyncIterator]: () => counted(channel) },
      send(message, attachment) {
        if (ledToSomething(message)) give(channel.remote, 1)
        return channel.send(message, attachment)
      },
      close: () => channel.close(),
      abort: (error) => {
        channel.abort(error)
      }
    })
  }
}

/** Unasked messages count as well: a nudge invites a question, and a stop ends some. They are our own words, so their form is known. */
function ledToSomething(message: object): boolean {
  const { type, leases, answers } = message as Partial<Record<'type' | 'leases' | 'answers', unknown>>
  if (type === 'welcome' || type === 'nudge' || type === 'stop') return true
  if (type === 'work') return Array.isArray(leases) && leases.length > 0
  return type === 'ack' && Array.isArray(answers) && answers.some(({ answer }: { answer?: unknown }) => NEWS.has(answer))
}
