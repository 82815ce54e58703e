/** What a ledger file says of a job's receipt. The file is verified first. */
import { PeerComputeError, type JobId, type RootId } from '@peercompute/job-specs'
import type { LedgerWord } from '@peercompute/job-specs/download'
import { createFold, followLedger } from '@peercompute/ledger'
import { replicaOfFile } from '../network/replica.ts'

/** Rejects with LEDGER_FILE_UNREADABLE, and LEDGER_INVALID when it names no coordinator. */
export async function ledgerWord(file: string, root: RootId | undefined): Promise<(job: JobId) => LedgerWord> {
  await using replica = await replicaOfFile(file, root)
  if (replica.root === null) throw new PeerComputeError('LEDGER_INVALID', `${file} names no coordinator, or several: pass --root`)
  const fold = createFold(replica.root)
  followLedger(replica.ledger, fold)()
  const { jobs } = fold.state()
  const told = replica.root
  return (job) => ({ root: told, receiptRoot: jobs.get(job)?.receipt?.root ?? null })
}
