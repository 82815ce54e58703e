/** The statements that change rows, prepared once. */
import type { DatabaseSync } from 'node:sqlite'

/** Numbers of all holders in which a host has a part. */
const PARTS_OF_HOST =
  'SELECT no FROM holders AS h WHERE host = ?1 OR EXISTS (SELECT 1 FROM json_each(h.resumed) AS part JOIN holders AS other ON other.no = part.value WHERE other.host = ?1)'

export function rowStatements(database: DatabaseSync) {
  const prepare = (text: string) => database.prepare(text)
  return {
    jobNumber: prepare('SELECT no FROM jobs WHERE id = ?'),
    updateJob: prepare(
      'UPDATE jobs SET state = ?, state_why = ?, held = ?, missing_blobs = ?, cursor = ?, next_epoch = ?, executions = ?, reduced = ?, first_settled_at = ?, ended_at = ?, retired = ?, settlers = ?, failures = ?, reduce_anew = ?, unit_micro_credits = ?, pricing = ?, agreeing = ? WHERE id = ?'
    ),
    insertJob: prepare(
      'INSERT INTO jobs (state, state_why, held, missing_blobs, cursor, next_epoch, executions, reduced, first_settled_at, ended_at, retired, settlers, failures, reduce_anew, unit_micro_credits, pricing, agreeing, id, custodial, submitted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
    ),
    // Apart from the job's row, which every transaction writes anew.
    putSpec: prepare('INSERT INTO specs (job, signed) VALUES (?, ?)'),
    putLease: prepare('INSERT INTO leases (job, epoch, start, count, holder, deadline, over) VALUES (?, ?, ?, ?, ?, ?, 0)'),
    renewLease: prepare('UPDATE leases SET deadline = ? WHERE job = ? AND epoch = ?'),
    endLease: prepare('UPDATE leases SET over = 1 WHERE job = ? AND epoch = ?'),
    dropLease: prepare('DELETE FROM leases WHERE job = ? AND epoch = ?'),
    putResult: prepare(
      'INSERT INTO pending_results (job, unit, epoch, holder, numeric_class, probe_version, digest, value, compute_ms, at, verified) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
    ),
    putFailure: prepare('INSERT INTO failed_attempts (job, unit, epoch, holder, reason, message) VALUES (?, ?, ?, ?, ?, ?)'),
    putSettled: prepare('INSERT INTO settled (job, unit, digest, value, votes, error_probability, at) VALUES (?, ?, ?, ?, ?, ?, ?)'),
    takeBack: prepare('DELETE FROM settled WHERE job = ? AND unit = ?'),
    putUntold: prepare('INSERT INTO untold_reopenings (job, ranges) VALUES (?, ?)'),
    putBan: prepare('INSERT OR REPLACE INTO bans (host, cause, at, swept) VALUES (?, ?, ?, 0)'),
    banSwept: prepare('UPDATE bans SET swept = 1 WHERE host = ?'),
    dropBan: prepare('DELETE FROM bans WHERE host = ?'),
    // Numbers are bound as reals, so that text has them as '3.0'; the first versions spelled holders out.
    forgetLeasesOf: prepare(
      `DELETE FROM leases WHERE CAST(holder AS INTEGER) IN (${PARTS_OF_HOST}) OR (holder LIKE '{%' AND json_extract(holder, '$.host') = ?1)`
    ),
    forgetResultsOf: prepare(
      `DELETE FROM pending_results WHERE CAST(holder AS INTEGER) IN (${PARTS_OF_HOST}) OR (holder LIKE '{%' AND json_extract(holder, '$.host') = ?1)`
    ),
    forgetCheckpointsOf: prepare(`DELETE FROM checkpoints WHERE holder IN (${PARTS_OF_HOST})`),
    putCheckpoint: prepare('INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    dropCheckpoint: prepare('DELETE FROM checkpoints WHERE job = ? AND unit = ?'),
    savingJobs: prepare('SELECT DISTINCT job FROM checkpoints'),
    putReputation: prepare('INSERT OR REPLACE INTO reputations VALUES (?, ?, ?, ?, ?, ?, ?)'),
    putNotHeld: prepare('INSERT INTO not_held (job, start, count) VALUES (?, ?, ?)'),
    putErrored: prepare('INSERT INTO errored (job, unit, reason) VALUES (?, ?, ?)'),
    forgetResults: prepare('DELETE FROM pending_results WHERE job = ? AND unit = ?'),
    forgetFailures: prepare('DELETE FROM failed_attempts WHERE job = ? AND unit = ?'),
    failingJobs: prepare('SELECT DISTINCT job FROM failed_attempts'),
    forgetInFlight: [
      prepare('DELETE FROM pending_results WHERE job = ?'),
      prepare('DELETE FROM failed_attempts WHERE job = ?'),
      prepare('DELETE FROM checkpoints WHERE job = ?'),
      prepare('DELETE FROM leases WHERE job = ?')
    ],
    putHost: prepare('INSERT OR REPLACE INTO hosts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    updateHost: prepare('UPDATE hosts SET last_seen_at = ?, validated = ?, rejected = ?, failed = ?, micro_credits = ? WHERE host = ?'),
    putCredit: prepare('INSERT OR REPLACE INTO credit (account, micro_credits, carried) VALUES (?, ?, ?)')
  }
}
