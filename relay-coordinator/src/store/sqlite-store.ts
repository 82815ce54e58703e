/**
 * The durable store of one process: SQLite in WAL mode with `synchronous = FULL`, so that a committed transaction survives a killed
 * process and a power cut; settled units move from there into segment files. Written through `node:sqlite`; no native add-on.
 */
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { jobIdSchema, PeerComputeError, type JobId } from '@peercompute/job-specs'
import type { AuditPort, CoordinatorStore, SettledUnit } from '../core/index.ts'
import { AuditLog } from './audit-log.ts'
import { auditEvents } from './audited.ts'
import { HolderTable } from './holders.ts'
import { loadRows } from './load-rows.ts'
import { inUnitOrder } from './merge.ts'
import { openDatabase } from './open-database.ts'
import { RowWriter } from './row-writer.ts'
import { SegmentMover } from './segment-mover.ts'
import { SegmentShelf } from './segment-shelf.ts'
import { SettledRowReader } from './settled-rows.ts'
import { transaction } from './transaction.ts'
import { UntoldReopenings } from './untold-reopenings.ts'

export interface SqliteStoreOptions {
  /** Folder of the segment files. By default `segments` beside the database. */
  readonly segments?: string
  /** Asked once when the disk is full. True: something was freed, and it is tried again. */
  readonly makeRoom?: () => boolean
  /** Hears of what went wrong in the background; nothing is lost by it. */
  readonly onFault?: (error: unknown) => void
}

export interface SqliteStore extends CoordinatorStore, AuditPort {
  /** For the tables that other parts keep here. Change them through `transact`. */
  readonly database: DatabaseSync
  /** One durable transaction. Throws STORE_FULL, STORE_DAMAGED, and what `work` throws; then nothing of it has happened. */
  transact<T>(work: (audit: AuditPort['audit']) => T): T
  /** Number of the first audit entry that does not follow from the one before; null when all do. */
  auditBrokenAt(): number | null
  /** There may be room on the disk again. */
  resumeMoving(): void
  /** Resolves when no settled rows are left that belong into segments. */
  moved(): Promise<void>
}

/** Opens or creates the database file. Throws DATA_FOLDER_UNWRITABLE, STORE_DAMAGED, STORE_TOO_NEW, STORE_FULL. */
export function openSqliteStore(file: string, options: SqliteStoreOptions = {}): SqliteStore {
  const { segments = join(dirname(file), 'segments'), makeRoom = () => false, onFault = () => undefined } = options
  const database = openDatabase(file)
  try {
    return assemble(database, segments, makeRoom, onFault)
  } catch (error) {
    database.close()
    throw error
  }
}

function assemble(database: DatabaseSync, folder: string, makeRoom: () => boolean, onFault: (error: unknown) => void): SqliteStore {
  const holders = new HolderTable(database)
  const rows = new SettledRowReader(database, holders)
  const audit = new AuditLog(database)
  const shelf = new SegmentShelf(database, folder)
  const writer = new RowWriter(database, holders, shelf)
  const untold = new UntoldReopenings(database)
  const idOf = database.prepare('SELECT id FROM jobs WHERE no = ?')
  const jobId = (job: number): JobId | null => jobIdSchema.safeParse(idOf.get(job)?.['id']).data ?? null
  const mover = new SegmentMover({ database, shelf, rows, jobId, onFault })

  const once = <T>(work: () => T): T => {
    try {
      return transaction(database, work)
    } catch (error) {
      for (const part of [holders, writer, audit]) part.forget()
      throw error
    }
  }
  const durably = <T>(work: () => T): T => {
    try {
      return once(work)
    } catch (error) {
      if (!(error instanceof PeerComputeError) || error.code !== 'STORE_FULL' || !makeRoom()) throw error
      return once(work)
    }
  }

  return {
    database,
    load: () => loadRows(database, holders),
    commit: (events, state) => {
      const settled = durably(() => {
        const added = writer.write(events, state)
        auditEvents(audit, events)
        return added
      })
      for (const rows of settled) mover.changed(rows)
    },
    settledUnits: (job, from, limit) => {
      const no = writer.numberOf(job)
      if (no === null) return []
      const out: SettledUnit[] = []
      if (limit > 0)
        for (const unit of inUnitOrder([rows.units(no, from), ...shelf.unitSources(no, from)])) if (out.push(unit) >= limit) break
      return out
    },
    settledDigests: (job, from, to) => {
      const no = writer.numberOf(job)
      if (no === null) return []
      const out = []
      for (const unit of inUnitOrder([rows.digests(no, from), ...shelf.digestSources(no, from)])) {
        if (unit.unit >= to) break
        out.push(unit)
      }
      return out
    },
    reopenings: () => untold.list(),
    reopeningsTold: (upTo) => {
      durably(() => {
        untold.told(upTo)
      })
    },
    transact: (work) =>
      durably(() =>
        work((kind, body, at) => {
          audit.add(kind, body, at)
        })
      ),
    audit: (kind, body, at) => {
      durably(() => {
        audit.add(kind, body, at)
      })
    },
    auditEntries: (from, limit) => audit.entries(from, limit),
    auditBrokenAt: () => audit.brokenAt(),
    resumeMoving: () => {
      mover.resume()
    },
    moved: () => mover.idle(),
    close: () => {
      mover.close()
      if (database.isOpen) database.close()
    }
  }
}
