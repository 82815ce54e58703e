/** For tests of every package above the ledger. Loads no libp2p. */
export { createFakeClock, type FakeClock } from './testing/fake-clock.ts'
export { until } from './testing/until.ts'
