/** What a coordinator holds when the faults are over: what it tells everybody over HTTP, what its ledger says, what its database says. */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  accountIdSchema,
  epochSchema,
  hostIdSchema,
  hostViewSchema,
  jobIdSchema,
  jobPageSchema,
  resultRowSchema,
  rootIdSchema,
  type AccountId,
  type HostView,
  type JobDetail,
  type JobId,
  type ResultRow,
  type RootId
} from '@peercompute/job-specs'
import { createFold, createLedger, followLedger, importLedger, memoryLedgerStore, type SettledRange } from '@peercompute/ledger'
import { z } from 'zod'
import type { TestServer } from '../server.ts'

/** A result that waits for others, by its identity. */
export interface WaitingResult {
  readonly unit: number
  readonly host: string
  readonly epoch: number
}

type Units = readonly (readonly [start: number, count: number])[]
/** By account. */
type Counts = Readonly<Record<string, number>>

/**
 * What the audit log says of a job's units and of what they are worth, an entry for each transaction. `credit`: in millionths, what each
 * account was paid, negative when it was taken back. `results`: those paid for before the price was fixed.
 */
export type AuditedEntry =
  | { readonly kind: 'settled' | 'units-reopened'; readonly units: Units; readonly credit: Counts }
  | { readonly kind: 'job-priced'; readonly microCredits: number; readonly results: Counts }

export interface JobEvidence {
  readonly detail: JobDetail
  readonly rows: readonly ResultRow[]
  readonly waiting: readonly WaitingResult[]
  readonly errored: readonly number[]
  /** Millionths of a credit for each agreeing result, by the database. */
  readonly price: number
  /** In the order of the audit log. */
  readonly audited: readonly AuditedEntry[]
  /** What the ledger says was settled. */
  readonly told: readonly SettledRange[]
}

export interface Evidence {
  readonly jobs: ReadonlyMap<JobId, JobEvidence>
  readonly hosts: readonly HostView[]
  /** Hosts that were banned at some time, by the audit log. */
  readonly banned: ReadonlySet<string>
  /** In millionths, by account: in the database, and in the ledger. */
  readonly credit: ReadonlyMap<AccountId, number>
  readonly toldCredit: ReadonlyMap<AccountId, number>
  /** First entry of the audit log that does not follow from the one before; null when each does. */
  readonly brokenEntry: number | null
  /** SQLite's own words; `ok` when nothing is wrong. */
  readonly integrity: string
}

const unitsBody = z.object({ units: z.array(z.tuple([z.int(), z.int()])), credit: z.record(z.string(), z.int()) })
const priceBody = z.object({ microCredits: z.int(), results: z.record(z.string(), z.int()) })
const jobRow = z.object({ no: z.int(), id: jobIdSchema, price: z.int() })
const auditRow = z.object({ seq: z.int(), at: z.int(), kind: z.string(), body: z.string(), hash: z.string() })
const waitingRow = z.object({ job: z.int(), unit: z.int(), epoch: epochSchema, host: hostIdSchema })
const WAITING = 'SELECT job, unit, epoch, host FROM pending_results JOIN holders ON holders.no = CAST(holder AS INTEGER)'

/** Everything of a coordinator that is at rest: no client asks it anything meanwhile. */
export async function gatherEvidence(server: Pick<TestServer, 'url' | 'root' | 'dataDir' | 'get' | 'job'>): Promise<Evidence> {
  const stored = readDatabase(join(server.dataDir, 'coordinator.sqlite'))
  const told = await readLedger(server.url, rootIdSchema.parse(server.root))
  const jobs = new Map<JobId, JobEvidence>()
  for (const id of await allJobs(server)) {
    const { no, price } = stored.jobs.get(id) ?? { no: -1, price: -1 }
    jobs.set(id, {
      detail: await server.job(id),
      rows: await allRows(server.url, id),
      waiting: stored.waiting.get(no) ?? [],
      errored: stored.errored.get(no) ?? [],
      price,
      audited: stored.audited.get(id) ?? [],
      told: told.jobs.get(id)?.settled ?? []
    })
  }
  const { hosts } = z.object({ hosts: z.array(hostViewSchema) }).parse(await server.get('/api/v1/hosts'))
  const { credit, banned, brokenEntry, integrity } = stored
  return { jobs, hosts, banned, credit, toldCredit: told.credit, brokenEntry, integrity }
}

async function allJobs(server: Pick<TestServer, 'get'>): Promise<readonly JobId[]> {
  const ids: JobId[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = cursor === '' ? '' : `?cursor=${cursor}`
    const page = jobPageSchema.parse(await server.get(`/api/v1/jobs${query}`))
    ids.push(...page.jobs.map(({ id }) => id))
    cursor = page.next
  }
  return ids
}

async function allRows(url: string, id: JobId): Promise<readonly ResultRow[]> {
  const answer = await fetch(`${url}/api/v1/jobs/${id}/results?format=ndjson`)
  if (!answer.ok) throw new Error(`results of ${id}: ${answer.status}`)
  const lines = (await answer.text()).split('\n').filter((line) => line !== '')
  return lines.map((line) => resultRowSchema.parse(JSON.parse(line)))
}

/** Verified like a stranger's file, with the root pinned. */
async function readLedger(url: string, root: RootId) {
  const answer = await fetch(`${url}/api/v1/ledger`)
  if (!answer.ok) throw new Error(`ledger: ${answer.status}`)
  const ledger = createLedger({ now: () => Date.now(), store: memoryLedgerStore() })
  ledger.follow(root)
  const fold = createFold(root)
  const stop = followLedger(ledger, fold)
  await importLedger(ledger, new Uint8Array(await answer.arrayBuffer()))
  const state = fold.state()
  stop()
  ledger.close()
  return state
}

function readDatabase(file: string) {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const all = <T extends z.ZodType>(schema: T, query: string): z.infer<T>[] =>
      database
        .prepare(query)
        .all()
        .map((row) => schema.parse(row))
    const entries = all(auditRow, 'SELECT seq, at, kind, body, hash FROM audit ORDER BY seq')
    const audited = new Map<JobId, AuditedEntry[]>()
    const banned = new Set<string>()
    for (const { kind, body } of entries) {
      const said: unknown = JSON.parse(body)
      if (kind === 'host-banned') banned.add(z.object({ host: hostIdSchema }).parse(said).host)
      const entry = auditedEntry(kind, said)
      if (entry === null) continue
      const { job } = z.object({ job: jobIdSchema }).parse(said)
      const known = audited.get(job)
      if (known === undefined) audited.set(job, [entry])
      else known.push(entry)
    }
    const [check] = all(z.object({ integrity_check: z.string() }), 'PRAGMA integrity_check')
    return {
      jobs: new Map(all(jobRow, 'SELECT no, id, unit_micro_credits AS price FROM jobs').map((row) => [row.id, row])),
      waiting: byJob(all(waitingRow, WAITING), (row) => row),
      errored: byJob(all(z.object({ job: z.int(), unit: z.int() }), 'SELECT job, unit FROM errored'), ({ unit }) => unit),
      credit: new Map(
        all(z.object({ account: accountIdSchema, micro_credits: z.int() }), 'SELECT account, micro_credits FROM credit').map((row) => [
          row.account,
          row.micro_credits
        ])
      ),
      audited,
      banned,
      brokenEntry: brokenEntry(entries),
      integrity: check?.integrity_check ?? 'no answer'
    }
  } finally {
    database.close()
  }
}

function auditedEntry(kind: string, said: unknown): AuditedEntry | null {
  if (kind === 'settled' || kind === 'units-reopened') return { kind, ...unitsBody.parse(said) }
  return kind === 'job-priced' ? { kind, ...priceBody.parse(said) } : null
}

/** Each entry carries the hash of the one before and of its own text. */
function brokenEntry(entries: readonly z.infer<typeof auditRow>[]): number | null {
  let before = '0'.repeat(64)
  for (const [index, { seq, at, kind, body, hash: said }] of entries.entries()) {
    if (seq !== index + 1 || said !== hash('sha256', `${before}\n${seq}\n${at}\n${kind}\n${body}`)) return seq
    before = said
  }
  return null
}

function byJob<Row extends { readonly job: number }, T>(rows: readonly Row[], of: (row: Row) => T): ReadonlyMap<number, T[]> {
  const out = new Map<number, T[]>()
  for (const row of rows) {
    const list = out.get(row.job)
    if (list === undefined) out.set(row.job, [of(row)])
    else list.push(of(row))
  }
  return out
}
