/** Memberships of teams in the coordinator's own database, with an audit entry each. */
import { DatabaseSync } from 'node:sqlite'
import { accountIdSchema, type AccountId, type Membership } from '@peercompute/job-specs'
import { z } from 'zod'
import { memoryAudit } from '../access/memory-audit.ts'
import type { AccessDatabase } from '../access/sqlite-access-store.ts'
import { MIGRATIONS } from '../store/schema.ts'

/** The last statement of an account. `team`: its key; null: it is in none. */
export interface StoredMembership {
  readonly account: AccountId
  readonly ts: number
  readonly team: string | null
  /** When it was taken, coordinator's clock. */
  readonly at: number
}

/** What an account has earned for a team. `from`: its totals when it joined; null when it has left. */
export interface Stint {
  readonly team: string
  readonly account: AccountId
  /** The team's name as people read it. */
  readonly name: string
  readonly microCredits: number
  readonly units: number
  readonly from: { readonly microCredits: number; readonly units: number } | null
}

export interface TeamStore {
  memberships(): readonly StoredMembership[]
  stints(): readonly Stint[]
  /** In one transaction with its audit entry. Stints in which nothing was earned, and that are over, are forgotten. */
  put(membership: StoredMembership, statement: Membership, stints: readonly Stint[]): void
}

const membershipRow = z.object({ account: accountIdSchema, ts: z.int(), team: z.string().nullable(), at: z.int() })
const stintRow = z
  .object({
    team: z.string(),
    account: accountIdSchema,
    name: z.string(),
    micro_credits: z.int(),
    units: z.int(),
    from_micro_credits: z.int().nullable(),
    from_units: z.int().nullable()
  })
  .transform(({ team, account, name, micro_credits: microCredits, units, from_micro_credits: from, from_units: fromUnits }): Stint => ({
    team,
    account,
    name,
    microCredits,
    units,
    from: from === null ? null : { microCredits: from, units: fromUnits ?? 0 }
  }))

/** Forgets everything with the process. */
export function memoryTeamStore(audit = memoryAudit()): TeamStore {
  const database = new DatabaseSync(':memory:')
  for (const migration of MIGRATIONS) database.exec(migration)
  return createTeamStore({
    database,
    transact: (work) =>
      work((kind, body, at) => {
        audit.audit(kind, body, at)
      })
  })
}

/** The tables must be up to date. */
export function createTeamStore(tables: AccessDatabase): TeamStore {
  const { database } = tables
  const all = database.prepare('SELECT account, ts, team, at FROM memberships ORDER BY account')
  const stints = database.prepare('SELECT * FROM team_credit ORDER BY team, account')
  const putMembership = database.prepare('INSERT OR REPLACE INTO memberships (account, ts, team, at, statement) VALUES (?, ?, ?, ?, ?)')
  const putStint = database.prepare(
    'INSERT OR REPLACE INTO team_credit (team, account, name, micro_credits, units, from_micro_credits, from_units) VALUES (?, ?, ?, ?, ?, ?, ?)'
  )
  const dropStint = database.prepare('DELETE FROM team_credit WHERE team = ? AND account = ?')
  return {
    memberships: () => all.all().map((row) => membershipRow.parse(row)),
    stints: () => stints.all().map((row) => stintRow.parse(row)),
    put: ({ account, ts, team, at }, statement, changed) => {
      tables.transact((audit) => {
        putMembership.run(account, ts, team, at, JSON.stringify(statement))
        for (const { from, ...stint } of changed) {
          if (isEmpty({ from, ...stint })) dropStint.run(stint.team, stint.account)
          else
            putStint.run(
              stint.team,
              stint.account,
              stint.name,
              stint.microCredits,
              stint.units,
              from?.microCredits ?? null,
              from?.units ?? null
            )
        }
        audit('team-membership', statement, at)
      })
    }
  }
}

export function isEmpty({ from, microCredits, units }: Stint): boolean {
  return from === null && microCredits === 0 && units === 0
}
