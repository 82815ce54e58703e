/**
 * The coordinator's pure core: who computes what, and when it is believed. Platform-free, without clock or randomness of its own,
 * so that the server, the fleet simulator, a browser's estimate and a room without a coordinator run the same code.
 */
export * from './state.ts'
export * from './commands.ts'
export * from './connected-host.ts'
export * from './events.ts'
export * from './decision.ts'
export * from './decide-job.ts'
export * from './decide-lease.ts'
export * from './decide-report.ts'
export * from './evolve.ts'
export * from './transition.ts'
export * from './matching.ts'
export * from './independence.ts'
export * from './credit.ts'
export * from './range-set.ts'
export * from './store.ts'
export * from './rebuild.ts'
export * from './memory-store.ts'
export * from './views.ts'
export * from './why.ts'
export * from './rows.ts'
