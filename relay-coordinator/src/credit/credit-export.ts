/** All credit with what stands behind it, signed, for anybody to keep and check: `peercompute credit verify`. */
import {
  canonicalBytes,
  signCreditExport,
  type AccountId,
  type Bytes,
  type CreditExportBody,
  type CreditFinding
} from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator } from '../coordinator.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import { totalsAtOnce, unitsByAccount } from './standings.ts'
import type { EarnedFor, Teams } from './teams.ts'

/** Age up to which an export is given out again: to make one reads all accounts. */
export const EXPORT_MAX_AGE_MS = 5_000

export interface CreditExportInit {
  readonly coordinator: Pick<Coordinator, 'creditBooks' | 'hosts'>
  readonly keys: Pick<CoordinatorKeys, 'certificate' | 'operational'>
  readonly teams: Teams
  readonly finding: () => CreditFinding | null
  readonly clock: Pick<Clock, 'now'>
}

/** Returns what gives the export as canonical JSON. */
export function createCreditExport(init: CreditExportInit): () => Promise<Bytes> {
  const { keys, clock } = init
  let made: { readonly at: number; readonly bytes: Promise<Bytes> } | null = null
  const make = async (at: number): Promise<Bytes> => canonicalBytes(await signCreditExport(keys.operational, creditExportBody(init, at)))
  return () => {
    const at = clock.now()
    if (made !== null && at >= made.at && at - made.at <= EXPORT_MAX_AGE_MS) return made.bytes
    const bytes = make(at)
    made = { at, bytes }
    bytes.catch(() => {
      made = null
    })
    return bytes
  }
}

function creditExportBody({ coordinator, keys, teams, finding }: CreditExportInit, at: number): CreditExportBody {
  const { accounts, carried, jobs } = coordinator.creditBooks()
  const units = unitsByAccount(coordinator)
  const rows = [...accounts]
    .filter(([account, microCredits]) => microCredits !== 0 || carried.has(account))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([account, microCredits]) => ({ account, microCredits, units: units.get(account) ?? 0, ...furtherOf(account) }))

  function furtherOf(account: AccountId): { carried?: number; team?: string } {
    const part = carried.get(account) ?? 0
    const team = teams.nameOf(account)
    return { ...(part === 0 ? {} : { carried: part }), ...(team === null ? {} : { team }) }
  }

  const sumOf = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0)
  return {
    v: 1,
    certificate: keys.certificate,
    at,
    accounts: rows,
    teams: teamsOf(teams.earned(totalsAtOnce(accounts, units))),
    jobs: jobs.map(({ job, unitMicroCredits, results }) => ({ job, unitMicroCredits, results })),
    sums: {
      settled: sumOf(jobs.map(({ unitMicroCredits, results }) => unitMicroCredits * results)),
      carried: sumOf(carried.values()),
      microCredits: sumOf(accounts.values())
    },
    audit: finding()
  }
}

function teamsOf(earned: Iterable<EarnedFor>): CreditExportBody['teams'] {
  const byName = new Map<string, { team: string; microCredits: number; units: number; earned: CreditExportBody['teams'][0]['earned'] }>()
  for (const { team, account, microCredits, units } of earned) {
    const row = byName.get(team) ?? { team, microCredits: 0, units: 0, earned: [] }
    byName.set(team, row)
    row.microCredits += microCredits
    row.units += units
    row.earned.push({ account, microCredits, units })
  }
  return [...byName.values()].sort((a, b) => (a.team < b.team ? -1 : 1))
}
