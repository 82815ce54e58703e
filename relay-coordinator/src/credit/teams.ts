/** Who is in which team, and what each has earned for it: only what was earned while it was in it. */
import { PeerComputeError, teamKey, verifyMembership, type AccountId, type Membership } from '@peercompute/job-specs'
import { isEmpty, type Stint, type StoredMembership, type TeamStore } from './team-store.ts'

/** How far the clock of an account may be ahead: a statement of next year could not be replaced before. */
export const CLOCK_AHEAD_MAX_MS = 300_000
/** More are not taken: keys cost nothing. */
export const MEMBERSHIPS_MAX = 1_000_000

export interface Total {
  readonly microCredits: number
  readonly units: number
}

/** What an account has in all. */
export type Totals = (account: AccountId) => Total

export interface EarnedFor {
  readonly team: string
  readonly account: AccountId
  readonly microCredits: number
  readonly units: number
  /** It is in the team now. */
  readonly member: boolean
}

export interface Teams {
  /**
   * The same statement again changes nothing. Throws TEAM_STATEMENT_INVALID (signature, another coordinator, a time in the future),
   * TEAM_STATEMENT_OLD, RATE_LIMITED.
   */
  take(statement: Membership): Promise<void>
  /** Null when it is in none. `since`: coordinator's clock. */
  of(account: AccountId): { readonly name: string; readonly since: number; readonly microCredits: number; readonly units: number } | null
  /** The name alone, which costs nothing. */
  nameOf(account: AccountId): string | null
  /** Everything that was earned for teams, one for each account and team. `totals`: of one moment. */
  earned(totals: Totals): Iterable<EarnedFor>
}

export interface TeamsInit {
  readonly store: TeamStore
  readonly root: string
  /** As they are at each call. */
  readonly totals: Totals
  /** Epoch ms. */
  readonly now: () => number
}

export function createTeams({ store, root, totals, now }: TeamsInit): Teams {
  const memberships = new Map<AccountId, StoredMembership>(store.memberships().map((membership) => [membership.account, membership]))
  const teams = new Map<string, Map<AccountId, Stint>>()
  for (const stint of store.stints()) keep(stint)

  function keep(stint: Stint): void {
    const members = teams.get(stint.team) ?? new Map<AccountId, Stint>()
    teams.set(stint.team, members)
    if (isEmpty(stint)) members.delete(stint.account)
    else members.set(stint.account, stint)
    if (members.size === 0) teams.delete(stint.team)
  }

  /** As those write it who are in it already, so that it has one spelling. */
  function spelt(team: string, given: string): string {
    const [first] = teams.get(team)?.values() ?? []
    return first?.name ?? given
  }

  function current(account: AccountId): Stint | undefined {
    const team = memberships.get(account)?.team ?? null
    return team === null ? undefined : teams.get(team)?.get(account)
  }

  async function check(statement: Membership, at: number): Promise<void> {
    if (statement.root !== root) throw invalid(`it is meant for the coordinator with the root ${statement.root}`)
    if (statement.ts > at + CLOCK_AHEAD_MAX_MS) throw invalid(`its time is ${Math.round((statement.ts - at) / 60_000)} minutes ahead`)
    if (!(await verifyMembership(statement))) throw invalid('it is not signed by the key of its account')
  }

  return {
    async take(statement) {
      const at = now()
      await check(statement, at)
      const { account, ts } = statement
      const team = statement.team === null ? null : teamKey(statement.team)
      const known = memberships.get(account)
      if (known?.ts === ts && known.team === team) return
      if (known !== undefined && known.ts >= ts)
        throw new PeerComputeError('TEAM_STATEMENT_OLD', `a statement of ${account} with the time ${known.ts} was taken before`)
      if (known === undefined && memberships.size >= MEMBERSHIPS_MAX)
        throw new PeerComputeError('RATE_LIMITED', `${MEMBERSHIPS_MAX} accounts have told of teams already`)
      const membership = { account, ts, team, at: known !== undefined && known.team === team ? known.at : at }
      const changed: Stint[] = []
      if (known?.team !== team) {
        const left = current(account)
        if (left !== undefined) changed.push({ ...left, ...soFar(left, totals), from: null })
        if (team !== null && statement.team !== null) {
          const before = teams.get(team)?.get(account)
          const name = before?.name ?? spelt(team, statement.team)
          changed.push({ team, account, name, microCredits: before?.microCredits ?? 0, units: before?.units ?? 0, from: totals(account) })
        }
      }
      store.put(membership, statement, changed)
      memberships.set(account, membership)
      for (const stint of changed) keep(stint)
    },

    of(account) {
      const stint = current(account)
      return stint === undefined ? null : { name: stint.name, since: memberships.get(account)?.at ?? 0, ...soFar(stint, totals) }
    },

    nameOf: (account) => current(account)?.name ?? null,

    *earned(atOnce) {
      for (const members of teams.values())
        for (const stint of members.values())
          yield { team: stint.name, account: stint.account, ...soFar(stint, atOnce), member: stint.from !== null }
    }
  }
}

function soFar({ account, microCredits, units, from }: Stint, totals: Totals): Total {
  if (from === null) return { microCredits, units }
  const total = totals(account)
  // Units that it had before joining may be taken back afterwards.
  return {
    microCredits: microCredits + Math.max(0, total.microCredits - from.microCredits),
    units: units + Math.max(0, total.units - from.units)
  }
}

function invalid(detail: string): PeerComputeError {
  return new PeerComputeError('TEAM_STATEMENT_INVALID', detail)
}
