/** The shared ledger: signed feeds carried by Yjs, the gate in front of them, and the state that they fold into. */
export type { Admission, FeedWriter, Ledger, LedgerEntry, Refusal } from './ledger.ts'
export { createLedger, type LedgerInit } from './create-ledger.ts'
export { memoryLedgerStore, type LedgerStore } from './store.ts'
export { UPDATE_MAX_BYTES, type LedgerLimits } from './limits.ts'
export { FEED_ROOT, feedClientId, feedGuid, feedKey, type FeedName } from './feed-name.ts'
export { verifyEquivocation, type EquivocationProof } from './equivocation.ts'
export { createFold, followLedger, type LedgerFold } from './fold.ts'
export { settledUnits, type LedgerJob, type LedgerState, type SettledRange } from './fold-state.ts'
