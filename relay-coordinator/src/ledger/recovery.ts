/**
 * A coordinator that has lost its database and its feeds waits for peers to bring the ledger: until a checkpoint or a feed of its
 * own root is here, no snapshot that one of them names is missing, and nothing more has come for a while.
 */
import type { Ledger, LedgerFold } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import { remembersWork } from './restore-jobs.ts'

/** Nothing has come for so long: what the connected peers hold is here. */
export const RECOVERY_QUIET_MS = 5_000

export interface RecoveryInit {
  readonly ledger: Pick<Ledger, 'onEntry' | 'onCheckpoint' | 'wantedSnapshot'>
  readonly fold: Pick<LedgerFold, 'state'>
  readonly clock: Clock
  /** Rejects the wait, e.g. when the coordinator is told to stop. */
  readonly signal: AbortSignal
}

/** Resolves when there is something to rebuild from and things are quiet. Rejects with the signal's reason. */
export function ledgerComes({ ledger, fold, clock, signal }: RecoveryInit): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve, reject }: PromiseWithResolvers<void> = Promise.withResolvers()
  let cancel: () => void = () => undefined
  const wait = (): void => {
    cancel()
    cancel = clock.schedule(RECOVERY_QUIET_MS, () => {
      if (ledger.wantedSnapshot() === null && remembersWork(fold.state())) end(resolve)
      else wait()
    })
  }
  const undo = [ledger.onEntry(wait), ledger.onCheckpoint(wait)]
  const end = (settle: () => void): void => {
    cancel()
    signal.removeEventListener('abort', onAbort)
    for (const stop of undo) stop()
    settle()
  }
  const onAbort = (): void => {
    end(() => {
      reject(signal.reason)
    })
  }
  signal.addEventListener('abort', onAbort)
  wait()
  return promise
}
