/**
 * How much one may say that leads to nothing. Each message costs a token, and an answer that moved something on gives it back: however
 * fast an honest host reports, it pays nothing, and a flood of well-formed questions is as dear as one of garbage.
 */
import type { ReportAnswer } from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'

/** An idle host asks less than once a second for each of its executors. Low, because a server under a flood reads each peer slowly. */
export const USELESS_PER_SECOND = 5
/** A host that comes back may send again what it does not know to have arrived. */
export const USELESS_BURST = 50
/** Names cost nothing to make: whoever was seen longest ago is forgotten. */
const NAMES_MAX = 10_000

export interface UselessBudget {
  /** Takes a token. False: there is none, and nothing was taken. */
  take(name: string): boolean
  /** Gives a token back for an answer that moved something on. */
  answered(name: string, message: object): void
}

/** Answers to results that were awaited. Not `late`: any report that names a settled unit gets it, as often as it comes. */
const NEWS: ReadonlySet<unknown> = new Set<ReportAnswer>(['accepted', 'rejected'])

export function createUselessBudget(clock: Pick<Clock, 'now'>): UselessBudget {
  const accounts = new Map<string, { tokens: number; at: number }>()

  function accountOf(name: string): { tokens: number; at: number } {
    const now = clock.now()
    const account = accounts.get(name) ?? { tokens: USELESS_BURST, at: now }
    account.tokens = Math.min(USELESS_BURST, account.tokens + (Math.max(0, now - account.at) / 1_000) * USELESS_PER_SECOND)
    account.at = now
    accounts.delete(name)
    accounts.set(name, account)
    const oldest = accounts.size > NAMES_MAX ? accounts.keys().next() : undefined
    if (oldest !== undefined && oldest.done !== true) accounts.delete(oldest.value)
    return account
  }

  return {
    take(name) {
      const account = accountOf(name)
      if (account.tokens < 1) return false
      account.tokens -= 1
      return true
    },
    answered(name, message) {
      if (!ledToSomething(message)) return
      const account = accountOf(name)
      account.tokens = Math.min(USELESS_BURST, account.tokens + 1)
    }
  }
}

/** Unasked messages count as well: a nudge invites a question, and a stop ends some. They are our own words, so their form is known. */
function ledToSomething(message: object): boolean {
  const { type, leases, answers, kept } = message as Partial<Record<'type' | 'leases' | 'answers' | 'kept', unknown>>
  if (type === 'checkpointed') return kept === true
  if (type === 'welcome' || type === 'nudge' || type === 'stop') return true
  if (type === 'work') return Array.isArray(leases) && leases.length > 0
  return type === 'ack' && Array.isArray(answers) && answers.some(({ answer }: { answer?: unknown }) => NEWS.has(answer))
}
