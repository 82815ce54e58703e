/** Credit as the HTTP side and the operator see it: boards, teams, the signed export, and what the last audit has found. */
import type { Bytes, CreditFinding } from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator } from '../coordinator.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import { createCreditExport } from './credit-export.ts'
import { createStandings, totalsOf, type Standings } from './standings.ts'
import type { TeamStore } from './team-store.ts'
import { createTeams, type Teams } from './teams.ts'

export interface CreditDesk {
  readonly standings: Standings
  readonly teams: Teams
  /** A signed CreditExport in canonical JSON, some seconds old at most. */
  exported(): Promise<Bytes>
  /** Of the last audit; null before the first. */
  finding(): CreditFinding | null
  found(finding: CreditFinding): void
}

export interface CreditDeskInit {
  readonly coordinator: Pick<Coordinator, 'credit' | 'creditBooks' | 'hosts'>
  readonly store: TeamStore
  readonly keys: Pick<CoordinatorKeys, 'certificate' | 'operational'>
  readonly clock: Pick<Clock, 'now'>
}

export function createCreditDesk({ coordinator, store, keys, clock }: CreditDeskInit): CreditDesk {
  let last: CreditFinding | null = null
  const finding = () => last
  const teams = createTeams({ store, root: keys.certificate.root, totals: totalsOf(coordinator), now: () => clock.now() })
  return {
    standings: createStandings({ coordinator, teams, clock }),
    teams,
    exported: createCreditExport({ coordinator, keys, teams, finding, clock }),
    finding,
    found(finding) {
      last = finding
    }
  }
}
