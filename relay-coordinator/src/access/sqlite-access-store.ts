/** The access store in the coordinator's own database. */
import { DatabaseSync } from 'node:sqlite'
import { researcherViewSchema, revocationViewSchema, tokenViewSchema, type TokenScope } from '@peercompute/job-specs'
import { z } from 'zod'
import { MIGRATIONS } from '../store/schema.ts'
import type { AuditPort } from '../core/store.ts'
import type { AccessStore, AuditNote, StoredToken } from './access-store.ts'
import { memoryAudit } from './memory-audit.ts'

type Row = Record<string, unknown>

/** Where the tables are, and how they are changed: together with the audit log, in one durable transaction. */
export interface AccessDatabase {
  readonly database: DatabaseSync
  transact<T>(work: (audit: AuditPort['audit']) => T): T
}

/** Forgets everything with the process. */
export function memoryAccessStore(audit: AuditPort = memoryAudit()): AccessStore {
  const database = new DatabaseSync(':memory:')
  for (const migration of MIGRATIONS) database.exec(migration)
  return createAccessStore({
    database,
    transact: (work) =>
      work((kind, body, at) => {
        audit.audit(kind, body, at)
      })
  })
}

/** The tables must be up to date. */
export function createAccessStore(tables: AccessDatabase): AccessStore {
  const sql = statements(tables.database)
  const written = (write: () => unknown, note?: AuditNote): void => {
    tables.transact((audit) => {
      write()
      if (note !== undefined) audit(note.kind, note.body, note.at)
    })
  }
  return {
    tokens: () => sql.tokens.all().map(storedToken),
    addToken: ({ id, sha256, label, scopes, createdAt, expiresAt }, note) => {
      written(() => sql.addToken.run(id, sha256, label, scopes.join(' '), createdAt, expiresAt), note)
    },
    revokeToken: (id, at, note) => {
      written(() => sql.revokeToken.run(at, id), note)
    },
    tokenUsed: (id, at) => {
      written(() => sql.tokenUsed.run(at, id))
    },
    researcher: (author) => {
      const row = sql.researcher.get(author)
      return row === undefined ? null : researcherViewSchema.parse(row)
    },
    researchers: () => sql.researchers.all().map((row) => researcherViewSchema.parse(row)),
    waitingResearchers: () => Number(sql.waiting.get()?.['n'] ?? 0),
    putResearcher: ({ author, status, name, askedAt, decidedAt }, note) => {
      written(() => sql.putResearcher.run(author, status, name, askedAt, decidedAt), note)
    },
    revocations: () => sql.revocations.all().map((row) => revocationViewSchema.parse(row)),
    addRevocation: ({ kind, subject, reason, at }, note) => {
      written(() => sql.addRevocation.run(kind, subject, reason, at), note)
    },
    tokenOfJob: (job) => {
      const token = sql.tokenOfJob.get(job)?.['token']
      return typeof token === 'string' ? token : null
    },
    setTokenOfJob: (job, token) => {
      written(() => sql.setTokenOfJob.run(job, token))
    },
    lastCommand: (job) => Number(sql.lastCommand.get(job)?.['ts'] ?? -1),
    setLastCommand: (job, ts) => {
      written(() => sql.setLastCommand.run(job, ts))
    }
  }
}

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/)

function storedToken(row: Row): StoredToken {
  const scopes = String(row['scopes']).split(' ') as TokenScope[]
  return { ...tokenViewSchema.parse({ ...row, scopes }), sha256: sha256Schema.parse(row['sha256']) }
}

function statements(database: DatabaseSync) {
  const prepare = (text: string) => database.prepare(text)
  const token =
    'id, sha256, label, scopes, created_at AS createdAt, expires_at AS expiresAt, revoked_at AS revokedAt, last_used_at AS lastUsedAt'
  const researcher = 'author, status, note AS name, asked_at AS askedAt, decided_at AS decidedAt'
  return {
    tokens: prepare(`SELECT ${token} FROM tokens ORDER BY created_at, id`),
    addToken: prepare('INSERT INTO tokens (id, sha256, label, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)'),
    revokeToken: prepare('UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL'),
    tokenUsed: prepare('UPDATE tokens SET last_used_at = ? WHERE id = ?'),
    researcher: prepare(`SELECT ${researcher} FROM researchers WHERE author = ?`),
    researchers: prepare(`SELECT ${researcher} FROM researchers ORDER BY asked_at DESC, author`),
    waiting: prepare("SELECT count(*) AS n FROM researchers WHERE status = 'waiting'"),
    putResearcher: prepare(
      'INSERT INTO researchers (author, status, note, asked_at, decided_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (author) DO UPDATE SET status = excluded.status, decided_at = excluded.decided_at'
    ),
    revocations: prepare('SELECT kind, subject, reason, at FROM revocations ORDER BY at DESC, subject'),
    addRevocation: prepare('INSERT OR IGNORE INTO revocations (kind, subject, reason, at) VALUES (?, ?, ?, ?)'),
    tokenOfJob: prepare('SELECT token FROM job_tokens WHERE job = ?'),
    setTokenOfJob: prepare('INSERT OR IGNORE INTO job_tokens (job, token) VALUES (?, ?)'),
    lastCommand: prepare('SELECT ts FROM job_commands WHERE job = ?'),
    setLastCommand: prepare('INSERT OR REPLACE INTO job_commands (job, ts) VALUES (?, ?)')
  }
}
