/** What a refused update says about the peer that sent it. */
import type { Verdict } from './gossip.ts'
import type { Admission, Refusal } from '@peercompute/ledger'

/**
 * `innocent`: an honest peer sends such a thing too. It may be late (`stale`), early (`gap`), have other limits or bans than we, or
 * hold the other branch of a feed that its author forked. Punishing those would let one lying author set honest peers against
 * each other. Everything else only a liar sends, because honest peers run the same gate first.
 */
const INNOCENT: ReadonlySet<Refusal> = new Set<Refusal>(['stale', 'gap', 'quota', 'banned', 'chain', 'equivocation'])

export function isOffence(refusal: Refusal): boolean {
  return !INNOCENT.has(refusal)
}

/** Gossip forwards what was new here, nothing else. */
export function verdictOf(admission: Admission): Verdict {
  if (admission.applied) return 'accept'
  return isOffence(admission.refusal) ? 'reject' : 'ignore'
}
