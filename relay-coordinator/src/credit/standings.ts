/** Boards of accounts and teams. Sorted at most once in a few seconds, however often they are asked for. */
import type { AccountCredit, AccountId, Board, BoardAccount, BoardTeam } from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator } from '../coordinator.ts'
import type { EarnedFor, Teams, Totals } from './teams.ts'

/** Age up to which a board is shown again. */
export const BOARD_MAX_AGE_MS = 5_000

export interface Standings {
  /** `cursor`: what the page before returned as `next`; one that is none begins anew. */
  board(by: Board['by'], page: { readonly limit: number; readonly cursor?: string | undefined }): Board
  /** Rank and share are those of the board, the rest is as it is now. An account that nobody knows has earned nothing. */
  account(account: AccountId): AccountCredit
}

interface Boards {
  readonly at: number
  readonly microCredits: number
  readonly accounts: readonly BoardAccount[]
  readonly teams: readonly BoardTeam[]
  readonly ranks: ReadonlyMap<AccountId, number>
}

export interface StandingsInit {
  readonly coordinator: Pick<Coordinator, 'credit' | 'hosts'>
  readonly teams: Teams
  readonly clock: Pick<Clock, 'now'>
}

/** Validated results of each account, over its hosts. */
export function unitsByAccount(coordinator: Pick<Coordinator, 'hosts'>): Map<AccountId, number> {
  const units = new Map<AccountId, number>()
  for (const { account, validated } of coordinator.hosts()) units.set(account, (units.get(account) ?? 0) + validated)
  return units
}

/** Totals of single accounts, as they are at each call: to ask for many, see `totalsAtOnce`. */
export function totalsOf(coordinator: Pick<Coordinator, 'credit' | 'hosts'>): Totals {
  return (account) => ({
    microCredits: coordinator.credit().get(account) ?? 0,
    units: coordinator.hosts().reduce((sum, host) => sum + (host.account === account ? host.validated : 0), 0)
  })
}

/** Totals of all accounts, of one moment. */
export function totalsAtOnce(credit: ReadonlyMap<AccountId, number>, units: ReadonlyMap<AccountId, number>): Totals {
  return (account) => ({ microCredits: credit.get(account) ?? 0, units: units.get(account) ?? 0 })
}

export function createStandings({ coordinator, teams, clock }: StandingsInit): Standings {
  let boards: Boards | null = null

  function fresh(): Boards {
    const at = clock.now()
    if (boards !== null && at >= boards.at && at - boards.at <= BOARD_MAX_AGE_MS) return boards
    const credit = [...coordinator.credit()].filter(([, microCredits]) => microCredits > 0)
    const microCredits = credit.reduce((sum, [, total]) => sum + total, 0)
    const units = unitsByAccount(coordinator)
    const labels = labelsOf(coordinator)
    const share = (part: number): number => (microCredits === 0 ? 0 : Math.min(1, part / microCredits))
    const accounts = credit
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .map(([account, total], index) => ({
        rank: index + 1,
        account,
        label: labels.get(account)?.label ?? '',
        team: teams.nameOf(account),
        microCredits: total,
        units: units.get(account) ?? 0,
        share: share(total)
      }))
    boards = {
      at,
      microCredits,
      accounts,
      teams: teamRows(teams.earned(totalsAtOnce(coordinator.credit(), units)), share),
      ranks: new Map(accounts.map(({ account, rank }) => [account, rank]))
    }
    return boards
  }

  return {
    board(by, { limit, cursor }) {
      const { at, microCredits, accounts, teams: ofTeams } = fresh()
      const from = Number(/^\d{1,9}$/.exec(cursor ?? '')?.[0] ?? 0)
      const total = by === 'account' ? accounts.length : ofTeams.length
      const page = { at, microCredits, total, next: from + limit < total ? String(from + limit) : null }
      return by === 'account'
        ? { by, rows: accounts.slice(from, from + limit), ...page }
        : { by, rows: ofTeams.slice(from, from + limit), ...page }
    },

    account(account) {
      const { microCredits: all, ranks } = fresh()
      const totals = totalsOf(coordinator)(account)
      const share = all === 0 ? 0 : Math.min(1, Math.max(0, totals.microCredits / all))
      return { account, ...totals, rank: ranks.get(account) ?? null, share, team: teams.of(account) }
    }
  }
}

/** Of the labelled host that has done most. */
function labelsOf(coordinator: Pick<Coordinator, 'hosts'>): Map<AccountId, { label: string; validated: number }> {
  const labels = new Map<AccountId, { label: string; validated: number }>()
  for (const { account, label, validated } of coordinator.hosts()) {
    const known = labels.get(account)
    if (label !== '' && (known === undefined || validated > known.validated)) labels.set(account, { label, validated })
  }
  return labels
}

function teamRows(earned: Iterable<EarnedFor>, share: (part: number) => number): BoardTeam[] {
  const rows = new Map<string, { team: string; members: number; microCredits: number; units: number }>()
  for (const { team, microCredits, units, member } of earned) {
    const row = rows.get(team) ?? { team, members: 0, microCredits: 0, units: 0 }
    rows.set(team, row)
    row.members += Number(member)
    row.microCredits += microCredits
    row.units += units
  }
  return [...rows.values()]
    .sort((a, b) => b.microCredits - a.microCredits || (a.team < b.team ? -1 : 1))
    .map((row, index) => ({ rank: index + 1, ...row, share: share(row.microCredits) }))
}
