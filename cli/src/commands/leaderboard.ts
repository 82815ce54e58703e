/** Who has given most, by account or by team. */
import { MICRO_CREDITS, shortId, type Board } from '@peercompute/job-specs'
import { creditClient } from '../api/credit-client.ts'
import { json, type Context, type RemoteOptions } from '../context.ts'
import { count, percent } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { table } from '../output/table.ts'

export interface LeaderboardOptions extends RemoteOptions {
  readonly by: Board['by']
  readonly limit: number
  readonly cursor?: string
}

export function credits(microCredits: number): string {
  return (microCredits / MICRO_CREDITS).toLocaleString('en', { maximumSignificantDigits: 6, useGrouping: false })
}

export async function leaderboard(context: Context, options: LeaderboardOptions): Promise<void> {
  const { by, limit, cursor } = options
  const board = await creditClient(context, options).board(by, { limit, ...(cursor === undefined ? {} : { cursor }) })
  if (options.json) return context.terminal.data(json(board))
  if (board.rows.length === 0) {
    context.terminal.talk(by === 'team' ? 'There is no team yet. Begin one: peercompute team join NAME' : 'Nobody has earned credit yet.')
    return
  }
  const part = (microCredits: number) => percent(Math.max(0, microCredits), board.microCredits)
  const text =
    board.by === 'team'
      ? table(
          ['RANK', 'TEAM', 'MEMBERS', 'CREDIT', 'SHARE', 'UNITS'],
          board.rows.map(({ rank, team, members, microCredits, units }) => [
            count(rank),
            printable(team),
            count(members),
            credits(microCredits),
            part(microCredits),
            count(units)
          ]),
          [0, 2, 3, 4, 5]
        )
      : table(
          ['RANK', 'ACCOUNT', 'NAME', 'CREDIT', 'SHARE', 'UNITS', 'TEAM'],
          board.rows.map(({ rank, account, label, team, microCredits, units }) => [
            count(rank),
            shortId(account),
            label === '' ? '–' : printable(label),
            credits(microCredits),
            part(microCredits),
            count(units),
            team === null ? '' : printable(team)
          ]),
          [0, 3, 4, 5]
        )
  await context.terminal.data(text)
  if (board.next !== null) context.terminal.talk(`There are more: peercompute leaderboard --by ${by} --cursor ${board.next}`)
}
