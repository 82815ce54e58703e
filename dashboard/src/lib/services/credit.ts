/** Boards, and this browser's own credit and team. */
import {
  accountCreditSchema,
  boardSchema,
  coordinatorInfoSchema,
  PeerComputeError,
  signMembership,
  teamNameSchema,
  type AccountCredit,
  type Board
} from '@peercompute/job-specs'
import { knownAccount } from './account.ts'
import { API } from './api.ts'
import { ask } from './http.ts'

const PAGE_ROWS = 100

export function getBoard(by: Board['by'], cursor: string | null, signal: AbortSignal): Promise<Board> {
  const query = new URLSearchParams({ by, limit: String(PAGE_ROWS), ...(cursor === null ? {} : { cursor }) })
  return ask(`${API}/leaderboard?${query.toString()}`, boardSchema, { signal })
}

/** Null when this browser has no account yet: it has never computed. */
export async function getOwnCredit(signal: AbortSignal): Promise<AccountCredit | null> {
  const account = await knownAccount()
  return account === null ? null : ask(`${API}/accounts/${account.publicKey}/credit`, accountCreditSchema, { signal })
}

/** `name`: null to leave. Rejects with TEAM_NAME_INVALID. */
export async function setTeam(name: string | null, signal: AbortSignal): Promise<AccountCredit> {
  const account = await knownAccount()
  if (account === null) throw new PeerComputeError('REQUEST_INVALID', 'This browser has not computed yet.')
  const team = teamNameSchema.nullable().safeParse(name?.normalize('NFKC').trim() ?? null)
  if (!team.success) throw new PeerComputeError('TEAM_NAME_INVALID', `It ${team.error.issues[0]?.message ?? 'is not valid'}.`)
  const { root } = await ask(`${API}/coordinator`, coordinatorInfoSchema, { signal })
  const statement = await signMembership(account, root, team.data, Date.now())
  return ask(`${API}/teams/membership`, accountCreditSchema, { method: 'PUT', json: statement, signal })
}
