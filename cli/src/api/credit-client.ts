/** The part of the HTTP API that tells of credit. Every path is written here and nowhere else. */
import { accountCreditSchema, boardSchema, PeerComputeError, type AccountCredit, type Board, type Membership } from '@peercompute/job-specs'
import { coordinatorUrl, type Context, type RemoteOptions } from '../context.ts'
import { ask, send } from './http.ts'

/** An export of a million accounts has about 150 MB. */
export const EXPORT_MAX_BYTES = 256 * 2 ** 20

export interface CreditClient {
  board(by: Board['by'], page: { readonly limit: number; readonly cursor?: string }): Promise<Board>
  account(account: string): Promise<AccountCredit>
  /** Rejects with TEAM_STATEMENT_INVALID and TEAM_STATEMENT_OLD. */
  team(statement: Membership): Promise<AccountCredit>
  /** As it came: the caller checks it. */
  exported(): Promise<Uint8Array>
}

export function creditClient(context: Context, options: RemoteOptions): CreditClient {
  const { url, token } = coordinatorUrl(context, options)
  const init = { url, ...(token === undefined ? {} : { token }), signal: context.signal }
  return {
    board: (by, { limit, cursor }) => {
      const query = new URLSearchParams({ by, limit: String(limit), ...(cursor === undefined ? {} : { cursor }) })
      return ask(init, `/leaderboard?${query.toString()}`, boardSchema)
    },
    account: (account) => ask(init, `/accounts/${account}/credit`, accountCreditSchema),
    team: (statement) => ask(init, '/teams/membership', accountCreditSchema, { method: 'PUT', json: statement }),
    exported: async () => {
      const response = await send(init, '/credit/export', { signal: context.signal })
      const parts: Uint8Array[] = []
      let size = 0
      for await (const part of response.body ?? []) {
        size += part.length
        if (size > EXPORT_MAX_BYTES) throw new PeerComputeError('EXPORT_UNREADABLE', `${url}: more than ${EXPORT_MAX_BYTES} bytes came`)
        parts.push(part)
      }
      return Buffer.concat(parts)
    }
  }
}
