/** The fleet simulator: the real core under virtual time, with hosts that lie, break, come and go. Runs in pages as well. */
export * from './simulate.ts'
export { HONEST_ERROR_RATE, faultyHosts, honestHosts, liars, type SimulatedGroup, type WrongAnswers } from './simulated-group.ts'
export type { SimulationOptions } from './simulation-run.ts'
export * from './estimate-trust.ts'
