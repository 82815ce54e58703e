/** The parts of a coordinator that a room's leader runs, in a page as well as in Node: the core, the work protocol, the ledger. */
export { createCoordinator } from './engine/coordinator.ts'
export type { Coordinator, Settlement } from './coordinator.ts'
export { createWorkServer, type WorkServer } from './work/work-server.ts'
export { createLedgerIntake, type LedgerIntake } from './ledger/ledger-intake.ts'
export { createLedgerProjection, type LedgerProjection } from './ledger/ledger-projection.ts'
export { rangeDigest } from './ledger/projected-jobs.ts'
export { createAwaitedBlobs } from './blobs/awaited-blobs.ts'
export { createMemoryStore, emptyState, evolve, type CoordinatorEvent, type CoordinatorStore } from './core/index.ts'
