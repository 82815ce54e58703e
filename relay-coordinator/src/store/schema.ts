/** The tables of the embedded store, as migrations: entry n brings a database of version n to n + 1. Entries are never edited. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE jobs (
    no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, signed TEXT NOT NULL, custodial INTEGER NOT NULL, submitted_at INTEGER NOT NULL,
    state TEXT NOT NULL, missing_blobs TEXT NOT NULL, cursor INTEGER NOT NULL, next_epoch INTEGER NOT NULL, executions INTEGER NOT NULL,
    reduced TEXT NOT NULL, first_settled_at INTEGER, ended_at INTEGER, settlers TEXT NOT NULL, failures TEXT NOT NULL
  );
  CREATE TABLE leases (
    job INTEGER NOT NULL, epoch INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL, holder TEXT NOT NULL,
    deadline INTEGER NOT NULL, over INTEGER NOT NULL, PRIMARY KEY (job, epoch)
  ) WITHOUT ROWID;
  CREATE TABLE pending_results (
    job INTEGER NOT NULL, unit INTEGER NOT NULL, epoch INTEGER NOT NULL, holder TEXT NOT NULL, numeric_class TEXT NOT NULL,
    probe_version INTEGER NOT NULL, digest TEXT NOT NULL, value BLOB NOT NULL, compute_ms REAL NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (job, unit, epoch)
  ) WITHOUT ROWID;
  CREATE TABLE failed_attempts (
    job INTEGER NOT NULL, unit INTEGER NOT NULL, epoch INTEGER NOT NULL, holder TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (job, unit, epoch)
  ) WITHOUT ROWID;
  CREATE TABLE settled (
    job INTEGER NOT NULL, unit INTEGER NOT NULL, digest TEXT NOT NULL, value BLOB NOT NULL, votes TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (job, unit)
  ) WITHOUT ROWID;
  CREATE TABLE errored (job INTEGER NOT NULL, unit INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (job, unit)) WITHOUT ROWID;
  CREATE TABLE hosts (
    host TEXT PRIMARY KEY, account TEXT NOT NULL, label TEXT NOT NULL, description TEXT NOT NULL, subnet TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL, validated INTEGER NOT NULL, rejected INTEGER NOT NULL, failed INTEGER NOT NULL, micro_credits INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE credit (account TEXT PRIMARY KEY, micro_credits INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
  `,
  `
  CREATE TABLE not_held (job INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (job, start)) WITHOUT ROWID;
  ALTER TABLE jobs ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;
  `,
  `
  ALTER TABLE jobs ADD COLUMN state_why TEXT;
  ALTER TABLE jobs ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, label TEXT NOT NULL, scopes TEXT NOT NULL, author TEXT,
    created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER, last_used_at INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE researchers (
    author TEXT PRIMARY KEY, status TEXT NOT NULL, note TEXT NOT NULL, asked_at INTEGER NOT NULL, decided_at INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE revocations (
    kind TEXT NOT NULL, subject TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (kind, subject)
  ) WITHOUT ROWID;
  CREATE TABLE job_tokens (job TEXT PRIMARY KEY, token TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE job_commands (job TEXT PRIMARY KEY, ts INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE segments (
    job INTEGER NOT NULL, no INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, units INTEGER NOT NULL,
    bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, ranges TEXT NOT NULL, cleared INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (job, no)
  ) WITHOUT ROWID;
  CREATE TABLE holders (
    no INTEGER PRIMARY KEY, host TEXT NOT NULL, account TEXT NOT NULL, subnet TEXT NOT NULL, executor TEXT NOT NULL,
    UNIQUE (host, account, subnet, executor)
  );
  CREATE TABLE specs (job INTEGER PRIMARY KEY, signed BLOB NOT NULL);
  INSERT INTO specs (job, signed) SELECT no, signed FROM jobs;
  ALTER TABLE jobs DROP COLUMN signed;
  ALTER TABLE audit ADD COLUMN hash TEXT;
  `,
  `
  ALTER TABLE jobs ADD COLUMN reduce_anew INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN unit_micro_credits INTEGER;
  ALTER TABLE jobs ADD COLUMN pricing TEXT;
  ALTER TABLE jobs ADD COLUMN agreeing INTEGER;
  ALTER TABLE credit ADD COLUMN carried INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE memberships (
    account TEXT PRIMARY KEY, ts INTEGER NOT NULL, team TEXT, at INTEGER NOT NULL, statement TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE team_credit (
    team TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL, micro_credits INTEGER NOT NULL, units INTEGER NOT NULL,
    from_micro_credits INTEGER, from_units INTEGER, PRIMARY KEY (team, account)
  ) WITHOUT ROWID;
  ALTER TABLE settled ADD COLUMN error_probability REAL NOT NULL DEFAULT 0;
  ALTER TABLE pending_results ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE reputations (
    host TEXT NOT NULL, executor TEXT NOT NULL, program TEXT NOT NULL, passed INTEGER NOT NULL, checks INTEGER NOT NULL,
    failures INTEGER NOT NULL, colluded INTEGER NOT NULL, PRIMARY KEY (host, executor, program)
  ) WITHOUT ROWID;
  CREATE TABLE bans (host TEXT PRIMARY KEY, cause TEXT NOT NULL, at INTEGER NOT NULL, swept INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE reopened (job INTEGER NOT NULL, unit INTEGER NOT NULL, up_to INTEGER NOT NULL, PRIMARY KEY (job, unit)) WITHOUT ROWID;
  CREATE TABLE untold_reopenings (no INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, ranges TEXT NOT NULL);
  `,
  `
  ALTER TABLE holders RENAME TO holders_before;
  CREATE TABLE holders (
    no INTEGER PRIMARY KEY, host TEXT NOT NULL, account TEXT NOT NULL, subnet TEXT NOT NULL, executor TEXT NOT NULL,
    resumed TEXT NOT NULL DEFAULT '[]', UNIQUE (host, account, subnet, executor, resumed)
  );
  INSERT INTO holders (no, host, account, subnet, executor) SELECT no, host, account, subnet, executor FROM holders_before;
  DROP TABLE holders_before;
  CREATE TABLE checkpoints (
    job INTEGER NOT NULL, unit INTEGER NOT NULL, epoch INTEGER NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
    holder INTEGER NOT NULL, numeric_class TEXT NOT NULL, probe_version INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (job, unit)
  ) WITHOUT ROWID;
  `
]
