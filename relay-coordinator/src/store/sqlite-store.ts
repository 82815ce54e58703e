/**
 * The durable store of one process: SQLite in WAL mode with `synchronous = FULL`, so that a committed transaction survives a killed
 * process and a power cut. Written through `node:sqlite`; no native add-on.
 */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { PeerComputeError, type JobId } from '@peercompute/job-specs'
import {
  hostRow,
  jobRow,
  touched,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStore,
  type SettledUnit
} from '../core/index.ts'
import { loadRows, settledDigest, settledUnit } from './load-rows.ts'
import { MIGRATIONS } from './schema.ts'

const SQLITE_FULL = 13

/** Opens or creates the database file. Throws DATA_FOLDER_UNWRITABLE when SQLite cannot. */
export function openSqliteStore(file: string): CoordinatorStore {
  const database = openDatabase(file)
  const jobNumbers = new Map<JobId, number>()
  const sql = statements(database)

  const numberOf = (job: JobId): number => {
    const known = jobNumbers.get(job)
    if (known !== undefined) return known
    const no = sql.jobNumber.get(job)?.['no']
    if (typeof no !== 'number') throw new PeerComputeError('INTERNAL', `the store has no row of job ${job}`)
    jobNumbers.set(job, no)
    return no
  }

  const saveJobs = (events: readonly CoordinatorEvent[], state: CoordinatorState): void => {
    for (const id of touched(events).jobs) {
      const job = state.jobs.get(id)
      if (job === undefined) continue
      const row = jobRow(job)
      const changing = [
        row.state,
        row.stateWhy,
        row.held ? 1 : 0,
        json(row.missingBlobs),
        row.cursor,
        row.nextEpoch,
        row.executions,
        json(row.reduced),
        row.firstSettledAt,
        row.endedAt,
        row.retired ? 1 : 0,
        json(row.settlers),
        json(row.failures)
      ]
      if (sql.updateJob.run(...changing, id).changes === 0)
        sql.insertJob.run(...changing, id, json(row.signed), row.custodial ? 1 : 0, row.submittedAt)
    }
  }

  const saveParties = (events: readonly CoordinatorEvent[], state: CoordinatorState): void => {
    const { hosts, accounts } = touched(events)
    for (const id of hosts) {
      const entry = state.hosts.get(id)
      if (entry === undefined) continue
      const row = hostRow(entry)
      sql.putHost.run(
        row.host,
        row.account,
        row.label,
        json(row.description),
        row.subnet,
        row.lastSeenAt,
        row.validated,
        row.rejected,
        row.failed,
        row.microCredits
      )
    }
    for (const account of accounts) sql.putCredit.run(account, state.credit.get(account) ?? 0)
  }

  const apply = (event: CoordinatorEvent): void => {
    switch (event.type) {
      case 'job-submitted':
        sql.audit.run(event.at, event.type, json({ job: event.job, author: event.signed.author, custodial: event.custodial }))
        return
      case 'job-approved':
        sql.audit.run(event.at, event.type, json({ job: event.job }))
        return
      case 'job-state': {
        const no = numberOf(event.job)
        sql.audit.run(
          event.at,
          event.type,
          json({ job: event.job, state: event.state, ...(event.why === undefined ? {} : { why: event.why }) })
        )
        if (event.state === 'queued' || event.state === 'running' || event.state === 'paused') return
        for (const statement of sql.forgetInFlight) statement.run(no)
        return
      }
      case 'leased':
        sql.putLease.run(numberOf(event.job), event.epoch, event.start, event.count, json(event.holder), event.deadline)
        return
      case 'lease-renewed':
        sql.renewLease.run(event.deadline, numberOf(event.job), event.epoch)
        return
      case 'lease-over':
        if (event.cause === 'expired' || event.cause === 'disconnected') sql.endLease.run(numberOf(event.job), event.epoch)
        else sql.dropLease.run(numberOf(event.job), event.epoch)
        return
      case 'result': {
        const { epoch, holder, numericClass, probeVersion, digest, value, computeMs, at } = event.result
        sql.putResult.run(numberOf(event.job), event.unit, epoch, json(holder), numericClass, probeVersion, digest, value, computeMs, at)
        return
      }
      case 'failure': {
        const { epoch, holder, reason, message } = event.attempt
        sql.putFailure.run(numberOf(event.job), event.unit, epoch, json(holder), reason, message)
        return
      }
      case 'settled':
        sql.putSettled.run(numberOf(event.job), event.unit, event.digest, event.value, json(event.votes), event.at)
        for (const statement of sql.forgetUnit) statement.run(numberOf(event.job), event.unit)
        return
      case 'unit-errored':
        sql.putErrored.run(numberOf(event.job), event.unit, event.reason)
        sql.audit.run(event.at, event.type, json({ job: event.job, unit: event.unit, reason: event.reason }))
        return
      case 'job-restored':
        sql.audit.run(event.at, event.type, json({ job: event.job, nextEpoch: event.nextEpoch }))
        return
      case 'units-restored':
        sql.putNotHeld.run(numberOf(event.job), event.start, event.count)
        sql.audit.run(event.at, event.type, json({ job: event.job, start: event.start, count: event.count }))
        return
      case 'credit-restored':
      case 'job-retired':
      case 'job-blob':
      case 'host-connected':
      case 'host-disconnected':
        return
    }
  }

  return {
    load: () => loadRows(database),
    commit: (events, state) => {
      transaction(database, () => {
        saveJobs(events, state)
        for (const event of events) apply(event)
        saveParties(events, state)
        for (const [job, units] of settledByJob(events))
          sql.audit.run(units.at, 'settled', json({ job, units: units.count, microCredits: units.microCredits }))
      })
    },
    settledUnits: (job, from, limit): readonly SettledUnit[] => {
      const no = sql.jobNumber.get(job)?.['no']
      return typeof no === 'number' ? sql.settledFrom.all(no, from, limit).map(settledUnit) : []
    },
    settledDigests: (job, from, to) => {
      const no = sql.jobNumber.get(job)?.['no']
      return typeof no === 'number' ? sql.digests.all(no, from, to).map(settledDigest) : []
    },
    close: () => {
      database.close()
    }
  }
}

function openDatabase(file: string): DatabaseSync {
  try {
    const database = new DatabaseSync(file)
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;')
    const version = database.prepare('PRAGMA user_version').get()?.['user_version']
    for (let n = Number(version); n < MIGRATIONS.length; n++) {
      transaction(database, () => {
        database.exec(`${MIGRATIONS[n] ?? ''}; PRAGMA user_version = ${n + 1}`)
      })
    }
    return database
  } catch (cause) {
    throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `the database ${file} cannot be opened`, { cause })
  }
}

function transaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    work()
    database.exec('COMMIT')
  } catch (cause) {
    if (database.isTransaction) database.exec('ROLLBACK')
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_FULL) {
      throw new PeerComputeError('STORE_FULL', 'the disk of the data folder is full', { cause })
    }
    throw cause
  }
}

function json(value: unknown): SQLInputValue {
  return JSON.stringify(value)
}

function settledByJob(events: readonly CoordinatorEvent[]): Map<JobId, { at: number; count: number; microCredits: number }> {
  const out = new Map<JobId, { at: number; count: number; microCredits: number }>()
  for (const event of events) {
    if (event.type !== 'settled') continue
    const valid = event.votes.filter((vote) => vote.verdict !== 'rejected').length
    const sum = out.get(event.job) ?? { at: event.at, count: 0, microCredits: 0 }
    out.set(event.job, { at: event.at, count: sum.count + 1, microCredits: sum.microCredits + valid * event.microCredits })
  }
  return out
}

function statements(database: DatabaseSync) {
  const prepare = (text: string) => database.prepare(text)
  return {
    jobNumber: prepare('SELECT no FROM jobs WHERE id = ?'),
    updateJob: prepare(
      'UPDATE jobs SET state = ?, state_why = ?, held = ?, missing_blobs = ?, cursor = ?, next_epoch = ?, executions = ?, reduced = ?, first_settled_at = ?, ended_at = ?, retired = ?, settlers = ?, failures = ? WHERE id = ?'
    ),
    insertJob: prepare(
      'INSERT INTO jobs (state, state_why, held, missing_blobs, cursor, next_epoch, executions, reduced, first_settled_at, ended_at, retired, settlers, failures, id, signed, custodial, submitted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
    ),
    putLease: prepare('INSERT INTO leases (job, epoch, start, count, holder, deadline, over) VALUES (?, ?, ?, ?, ?, ?, 0)'),
    renewLease: prepare('UPDATE leases SET deadline = ? WHERE job = ? AND epoch = ?'),
    endLease: prepare('UPDATE leases SET over = 1 WHERE job = ? AND epoch = ?'),
    dropLease: prepare('DELETE FROM leases WHERE job = ? AND epoch = ?'),
    putResult: prepare(
      'INSERT INTO pending_results (job, unit, epoch, holder, numeric_class, probe_version, digest, value, compute_ms, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
    ),
    putFailure: prepare('INSERT INTO failed_attempts (job, unit, epoch, holder, reason, message) VALUES (?, ?, ?, ?, ?, ?)'),
    putSettled: prepare('INSERT INTO settled (job, unit, digest, value, votes, at) VALUES (?, ?, ?, ?, ?, ?)'),
    putNotHeld: prepare('INSERT INTO not_held (job, start, count) VALUES (?, ?, ?)'),
    putErrored: prepare('INSERT INTO errored (job, unit, reason) VALUES (?, ?, ?)'),
    forgetUnit: [
      prepare('DELETE FROM pending_results WHERE job = ? AND unit = ?'),
      prepare('DELETE FROM failed_attempts WHERE job = ? AND unit = ?')
    ],
    forgetInFlight: [
      prepare('DELETE FROM pending_results WHERE job = ?'),
      prepare('DELETE FROM failed_attempts WHERE job = ?'),
      prepare('DELETE FROM leases WHERE job = ?')
    ],
    putHost: prepare('INSERT OR REPLACE INTO hosts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    putCredit: prepare('INSERT OR REPLACE INTO credit VALUES (?, ?)'),
    settledFrom: prepare('SELECT unit, digest, value, votes, at FROM settled WHERE job = ? AND unit >= ? ORDER BY unit LIMIT ?'),
    digests: prepare('SELECT unit, digest FROM settled WHERE job = ? AND unit >= ? AND unit < ? ORDER BY unit'),
    audit: prepare('INSERT INTO audit (at, kind, body) VALUES (?, ?, ?)')
  }
}
