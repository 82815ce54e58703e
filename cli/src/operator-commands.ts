/** Commands for whoever runs a coordinator: tokens, researchers, revocations, the audit log. */
import { Option, type Command } from 'commander'
import type { AuditOptions } from './commands/audit.ts'
import type { RevokeOptions } from './commands/revoke.ts'
import type { TokenCreateOptions } from './commands/tokens.ts'
import type { Context, RemoteOptions } from './context.ts'

/** How the commands of this program are made. */
export interface Making {
  readonly context: Context
  /** Adds the options of a command that asks a coordinator. */
  readonly remote: (command: Command) => Command
  readonly example: (command: Command, ...lines: readonly string[]) => Command
  readonly numberFrom: (from: number, to: number, whole?: boolean) => (text: string) => number
}

export function addOperatorCommands(program: Command, { context, remote, example, numberFrom }: Making): void {
  remote(
    example(
      program
        .command('revoke <job|key>')
        .description('stop a job, or all that a key has signed, at every volunteer and for good (operator)'),
      'revoke n-queens --reason "mines coins"'
    )
  )
    .requiredOption('--reason <text>', 'why, at most 200 characters; everybody can read it')
    .action(async (what: string, options: RevokeOptions) => (await import('./commands/revoke.ts')).revoke(context, what, options))
  remote(
    example(
      program.command('audit').description('the audit log: admissions, settlements, approvals, tokens, revocations (operator)'),
      'audit --json'
    )
  )
    .option('--from <number>', 'number of the first entry', numberFrom(1, Number.MAX_SAFE_INTEGER), 1)
    .option('--limit <number>', 'how many (default: all)', numberFrom(1, Number.MAX_SAFE_INTEGER))
    .action(async (options: AuditOptions) => (await import('./commands/audit.ts')).audit(context, options))

  const tokens = program.command('tokens').description('tokens for researchers and programs (operator)')
  remote(
    example(
      tokens.command('create').description('make a token; it is shown once'),
      'tokens create --scope publish --label "Ada, ocean group" --expires 90'
    )
  )
    .addOption(
      new Option('--scope <scope...>', 'publish: jobs and their control · read: metrics · admin: everything')
        .choices(['publish', 'read', 'admin'])
        .makeOptionMandatory()
    )
    .option('--label <text>', 'whose it is, at most 100 characters', '')
    .option('--expires <days>', 'days until it is refused (default: never)', numberFrom(0.001, 3_650, false))
    .action(async (options: TokenCreateOptions) => (await import('./commands/tokens.ts')).createToken(context, options))
  remote(example(tokens.command('list').description('tokens, without their secrets'), 'tokens list')).action(
    async (options: RemoteOptions) => (await import('./commands/tokens.ts')).listTokens(context, options)
  )
  remote(example(tokens.command('revoke <id>').description('refuse a token from now on'), 'tokens revoke 0123456789ab')).action(
    async (id: string, options: RemoteOptions) => (await import('./commands/tokens.ts')).revokeToken(context, id, options)
  )

  const researchers = program.command('researchers').description('who may publish signed jobs (operator)')
  remote(example(researchers.command('list').description('authors, and who waits for approval'), 'researchers list')).action(
    async (options: RemoteOptions) => (await import('./commands/researchers.ts')).listResearchers(context, options)
  )
  for (const [action, description] of [
    ['approve', 'the jobs that wait begin, and later ones at once'],
    ['refuse', 'open jobs are cancelled, later ones refused']
  ] as const) {
    remote(example(researchers.command(`${action} <key>`).description(description), `researchers ${action} 7Qx1vT`)).action(
      async (key: string, options: RemoteOptions) =>
        (await import('./commands/researchers.ts')).decideResearcher(context, action, key, options)
    )
  }
}
