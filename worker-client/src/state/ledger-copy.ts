/** Reads what a volunteer of this browser profile has kept of the ledger, in any tab, without touching it. */
import type { RootId } from '@peercompute/job-specs'
import { createFold, createLedger, followLedger, memoryLedgerStore, type LedgerStore, type LedgerState } from '@peercompute/ledger'
import { createIdbPinStore } from '../network/idb-pin-store.ts'
import { createIdbLedgerStore } from './idb-ledger-store.ts'

export { settledUnits, type LedgerJob, type LedgerState } from '@peercompute/ledger'

/** Verified like foreign bytes. Null when this profile has never met the coordinator. Rejects with the store's error. */
export async function readLedgerCopy(coordinator: string, databaseName?: string): Promise<LedgerState | null> {
  const root = await createIdbPinStore(databaseName).get(coordinator)
  return root === null ? null : foldStored(createIdbLedgerStore(databaseName), root)
}

async function foldStored(store: Pick<LedgerStore, 'load'>, root: RootId): Promise<LedgerState> {
  // Whatever the ledger wants to keep or drop by reading stays here: the copy is another tab's to write.
  const ledger = createLedger({ now: Date.now, store: { ...memoryLedgerStore(), load: () => store.load() } })
  try {
    ledger.follow(root)
    await ledger.ready
    const fold = createFold(root)
    followLedger(ledger, fold)()
    return fold.state()
  } finally {
    ledger.close()
  }
}
