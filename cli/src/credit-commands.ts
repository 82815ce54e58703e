/** Commands about credit: one's own, teams, boards, and the signed export. */
import { Option, type Command } from 'commander'
import type { VerifyCreditOptions } from './commands/credit.ts'
import type { LeaderboardOptions } from './commands/leaderboard.ts'
import type { OwnOptions } from './commands/team.ts'
import type { RemoteOptions } from './context.ts'
import type { Making } from './operator-commands.ts'

export function addCreditCommands(program: Command, { context, remote, example, numberFrom }: Making): void {
  const own = (command: Command): Command =>
    remote(command).option('--data <folder>', 'folder of the identity, when it is not your own (as of volunteer --data)')

  const credit = program.command('credit').description('what was earned by results that were verified')
  own(
    example(
      credit.command('show', { isDefault: true }).description('your own credit, rank and team (default)'),
      'credit',
      'credit show --json'
    )
  ).action(async (options: OwnOptions) => (await import('./commands/credit.ts')).showCredit(context, options))
  remote(
    example(
      credit.command('export <file>').description('write the credit of everybody to a file that anybody can check'),
      'credit export credit.json'
    )
  ).action(async (file: string, options: RemoteOptions) => (await import('./commands/credit.ts')).exportCredit(context, file, options))
  example(
    credit
      .command('verify <file>')
      .description('check signature, certificate and sums of such a file, offline; exit code 1 when one does not hold'),
    'credit verify credit.json',
    'credit verify credit.json --root ROOT'
  )
    .option('--root <root>', 'root key of the coordinator that must have signed it')
    .option('--json', 'data for programs on stdout')
    .action(async (file: string, options: VerifyCreditOptions) =>
      (await import('./commands/credit.ts')).verifyCredit(context, file, options)
    )

  const team = program.command('team').description('the team for which your credit counts')
  own(
    example(
      team.command('join <name>').description('from now on your credit counts for this team; one that is new begins with you'),
      'team join "Blue Whales"'
    )
  ).action(async (name: string, options: OwnOptions) => (await import('./commands/team.ts')).joinTeam(context, name, options))
  own(
    example(team.command('leave').description('from now on it counts for none; the team keeps what you earned for it'), 'team leave')
  ).action(async (options: OwnOptions) => (await import('./commands/team.ts')).leaveTeam(context, options))
  own(example(team.command('show', { isDefault: true }).description('your team (default)'), 'team show')).action(
    async (options: OwnOptions) => (await import('./commands/team.ts')).showTeam(context, options)
  )

  remote(example(program.command('leaderboard').description('who has given most'), 'leaderboard', 'leaderboard --by team --limit 10'))
    .addOption(new Option('--by <whom>', 'accounts or teams').choices(['account', 'team']).default('account'))
    .option('--limit <number>', 'how many', numberFrom(1, 200), 20)
    .option('--cursor <cursor>', 'where the previous page ended')
    .action(async (options: LeaderboardOptions) => (await import('./commands/leaderboard.ts')).leaderboard(context, options))
}
