/** Time and chance for every package above the ledger. Loads no libp2p. */
export { backoffDelay, type Backoff } from './time/backoff.ts'
export { systemClock, type Clock, type Random } from './time/clock.ts'
export { abortReason, sleep } from './time/sleep.ts'
