import { createLedger, memoryLedgerStore, type Ledger } from '@peercompute/ledger'
import type { PeerNetwork } from '../network/peer-network.ts'

/** Takes part in the exchange of the ledger for as long as the network runs, and keeps nothing: for tabs that only look on. */
export async function shareInMemory(network: Pick<PeerNetwork, 'share'>): Promise<Ledger> {
  const ledger = createLedger({ now: Date.now, store: memoryLedgerStore() })
  await network.share(ledger)
  return ledger
}
