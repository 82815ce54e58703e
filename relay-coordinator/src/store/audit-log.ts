/**
 * What must be provable: admissions, settlements, revocations, credit, approvals, tokens. Each entry carries the hash of the one
 * before, so that an entry that was taken out or changed is noticed. (Entries of versions 1 and 2 have no hash; the chain begins
 * after them. Whoever may write the file may write all of it anew: keep backups elsewhere.)
 */
import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { AuditEntry } from '../core/index.ts'

const rowSchema = z.object({ seq: z.int(), at: z.int(), kind: z.string(), body: z.string(), hash: z.string().nullable() })
type Row = z.infer<typeof rowSchema>

const CHAIN_BEGINS = '0'.repeat(64)
const PAGE = 1_000

export class AuditLog {
  readonly #insert
  readonly #page
  readonly #last
  #head: { readonly seq: number; readonly hash: string } | null = null

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare('INSERT INTO audit (seq, at, kind, body, hash) VALUES (?, ?, ?, ?, ?)')
    this.#page = database.prepare('SELECT seq, at, kind, body, hash FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?')
    this.#last = database.prepare('SELECT seq, at, kind, body, hash FROM audit ORDER BY seq DESC LIMIT 1')
  }

  /** Inside a transaction; call `forget` when that is taken back. */
  add(kind: string, body: unknown, at: number): void {
    const head = this.#head ?? this.#readHead()
    const entry = { seq: head.seq + 1, at, kind, body: JSON.stringify(body) }
    const chained = chain(head.hash, entry)
    this.#insert.run(entry.seq, at, kind, entry.body, chained)
    this.#head = { seq: entry.seq, hash: chained }
  }

  /** Entries with number ≥ `from`, in order. */
  entries(from: number, limit: number): readonly AuditEntry[] {
    return this.#rows(from, limit).map(({ body, ...entry }) => ({ ...entry, body: JSON.parse(body) as unknown }))
  }

  /** Number of the first entry that does not follow from the one before; null when all do. */
  brokenAt(): number | null {
    let before: { readonly seq: number; readonly hash: string } | null = null
    for (let from = 0; ;) {
      const rows = this.#rows(from, PAGE)
      for (const row of rows) {
        const previous: string = before?.hash ?? CHAIN_BEGINS
        if (before !== null && row.seq !== before.seq + 1) return row.seq
        if (row.hash === null ? before !== null : row.hash !== chain(previous, row)) return row.seq
        if (row.hash !== null) before = { seq: row.seq, hash: row.hash }
      }
      const last = rows.at(-1)
      if (last === undefined) return null
      from = last.seq + 1
    }
  }

  /** A transaction was taken back, and its entries with it. */
  forget(): void {
    this.#head = null
  }

  #rows(from: number, limit: number): Row[] {
    return this.#page.all(from, limit).map((row) => rowSchema.parse(row))
  }

  #readHead(): { readonly seq: number; readonly hash: string } {
    const row = this.#last.get()
    if (row === undefined) return { seq: 0, hash: CHAIN_BEGINS }
    const last = rowSchema.parse(row)
    return { seq: last.seq, hash: last.hash ?? CHAIN_BEGINS }
  }
}

function chain(previous: string, { seq, at, kind, body }: Omit<Row, 'hash'>): string {
  return hash('sha256', `${previous}\n${seq}\n${at}\n${kind}\n${body}`)
}
