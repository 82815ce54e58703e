/** The ledger as one file for newcomers, made again when the ledger has changed, but not for every record of a busy time. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Bytes } from '@peercompute/job-specs'
import { LEDGER_ANSWER_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { exportLedger, type Ledger } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'

/** What came later than the file, peers bring. */
export const EXPORT_AGE_MS = 1_000

export interface ExportedLedger {
  /** Of the feeds in it; the same on every replica that holds the same. */
  readonly foldHash: string
  readonly bytes: Bytes
  readonly gzipped: Bytes
}

export interface LedgerExporter {
  /** At most EXPORT_AGE_MS behind the ledger. Null when that is larger than LEDGER_ANSWER_MAX_BYTES: peers tell it feed by feed. */
  current(): Promise<ExportedLedger | null>
  close(): void
}

const compress = promisify(gzip)

export function createLedgerExporter(ledger: Ledger, clock: Pick<Clock, 'now'>): LedgerExporter {
  let changed = true
  let madeAt = Number.NEGATIVE_INFINITY
  let made: Promise<ExportedLedger | null> = Promise.resolve(null)
  const change = (): void => {
    changed = true
  }
  const undo = [ledger.onEntry(change), ledger.onCheckpoint(change), ledger.onFork(change)]

  const make = async (): Promise<ExportedLedger | null> => {
    if (ledger.bytes > LEDGER_ANSWER_MAX_BYTES) return null
    const [foldHash, bytes] = [ledger.foldHash(), exportLedger(ledger)]
    return bytes.length > LEDGER_ANSWER_MAX_BYTES ? null : { foldHash, bytes, gzipped: await compress(bytes) }
  }
  return {
    current() {
      if (changed && clock.now() - madeAt >= EXPORT_AGE_MS) {
        changed = false
        madeAt = clock.now()
        made = make()
        made.catch(change)
      }
      return made
    },
    close() {
      for (const end of undo) end()
    }
  }
}
