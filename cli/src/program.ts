/** The commands, their options and their help. Each command's code is loaded when it is used. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { BackupOptions } from './commands/backup.ts'
import type { CheckOptions } from './commands/check.ts'
import type { KeyOptions, RecoverOptions } from './commands/keys.ts'
import type { LedgerFileOptions, LedgerOptions, LedgerShowOptions } from './commands/ledger.ts'
import type { ListOptions } from './commands/list.ts'
import type { DoctorOptions } from './commands/net.ts'
import type { ResultsOptions } from './commands/results.ts'
import type { RelayFlags } from './commands/relay.ts'
import type { RoomCreateOptions, RoomJoinOptions } from './commands/room.ts'
import type { ServeFlags } from './commands/serve.ts'
import type { ShowOptions } from './commands/show.ts'
import type { SubmitOptions } from './commands/submit.ts'
import type { VerifyOptions } from './commands/verify.ts'
import type { VolunteerOptions } from './commands/volunteer.ts'
import { addLendingOptions } from './volunteer/lending-options.ts'
import type { WatchOptions } from './commands/watch.ts'
import type { Context, RemoteOptions } from './context.ts'
import { addCreditCommands } from './credit-commands.ts'
import { keysLast } from './keys-last.ts'
import { addOperatorCommands } from './operator-commands.ts'
import { createTerminal } from './output/terminal.ts'

const EXIT_CODES = `
Exit codes:
  0 ok · 1 job failed · 2 usage · 3 invalid job · 4 not found · 5 not allowed · 6 unreachable · 7 deadline passed
  8 conflict · 9 environment (port, folder, key) · 130 interrupted (the job goes on)

Environment:
  PEERCOMPUTE_COORDINATOR  address of the coordinator (default http://127.0.0.1:8400)
  PEERCOMPUTE_TOKEN        token, when the coordinator wants one
  NO_COLOR                 no colours
`
const USAGE = 2
const INTERRUPTED = 130

function numberFrom(from: number, to: number, whole = true) {
  return (text: string): number => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= from && value <= to) || (whole && !Number.isInteger(value))) {
      throw new InvalidArgumentError(`It must be a ${whole ? 'whole ' : ''}number from ${from} to ${to}.`)
    }
    return value
  }
}

const listed = (text: string, earlier: readonly string[] = []): string[] => [...earlier, text]

type Params = Record<string, number | number[]>

/** `n=12` or `c=1,2,3`, repeatable. */
function param(text: string, earlier: Params): Params {
  const [, name, value] = /^([A-Za-z]\w*)=(.+)$/.exec(text) ?? []
  const numbers = value?.split(',').map((part) => (part.trim() === '' ? NaN : Number(part))) ?? []
  const [first] = numbers
  if (name === undefined || first === undefined || numbers.some((number) => !Number.isFinite(number))) {
    throw new InvalidArgumentError('Write name=number, or name=number,number for a list.')
  }
  return { ...earlier, [name]: numbers.length === 1 ? first : numbers }
}

const remote = (command: Command) =>
  command
    .option('--coordinator <url>', 'address of the coordinator')
    .option('--token <token>', 'token (better in PEERCOMPUTE_TOKEN)')
    .option('--json', 'data for programs on stdout')

const example = (command: Command, ...lines: readonly string[]) =>
  command.addHelpText('after', `\nExample:\n${lines.map((line) => `  $ peercompute ${line}`).join('\n')}`)

export function buildProgram(context: Context): Command {
  const program = new Command('peercompute')
    .description('Volunteer computing: publish jobs, verify every result, lend this machine.')
    .version('0.1.0')
    .showHelpAfterError('(add --help for the options)')
    .addHelpText('after', EXIT_CODES)
  const add = (usage: string, description: string, ...examples: readonly string[]) =>
    example(program.command(usage).description(description), ...examples)

  const serving = (command: Command) =>
    command
      .option('--port <port>', 'port for pages, API and peers', numberFrom(0, 65_535))
      .option('--host <address>', 'address to listen on (default 127.0.0.1: this machine only)')
      .option('--data <folder>', 'data folder (default .peercompute, of a relay .peercompute-relay)')
      .option('--public-url <url>', 'origin under which the world reaches it')
      .option('--trust-proxy <address...>', 'reverse proxies whose X-Forwarded-For is believed')
      .option('--subnet-quota <number>', 'peer connections from one /24 (IPv6: /48) (default 256)', numberFrom(1, 1_000_000))
      .option('--json', 'data for programs on stdout')
  const coordinating = (command: Command) =>
    serving(command)
      .option('--also-relay <address>', 'another relay, which goes on when this one is away; repeatable', listed)
      .option('--relays <number>', 'relay processes that meet the volunteers, so that more cores are used (default 0)', numberFrom(0, 64))
      .option('--relay-port <port>', 'port of the first of them (default: the one after --port)', numberFrom(0, 65_471))
      .option('--relay-url <url>', 'origin of each of them behind a proxy that ends TLS, in order; repeatable', listed)
      .addOption(
        new Option(
          '--new-researchers <policy>',
          'the first job of an unknown author is taken, or waits for your approval (default: ask with --public-url, else admit)'
        ).choices(['admit', 'ask'])
      )
      .option('--ice-server <url[,user,credential]>', 'STUN or TURN server for the volunteers; repeatable', listed)

  coordinating(add('serve', 'run a coordinator', 'serve --data /var/lib/peercompute --public-url https://compute.example.org'))
    .option('--open-jobs <number>', 'jobs that one researcher may have open at the same time (default 1000)', numberFrom(1, 1_000_000))
    .option('--open-units <number>', 'units that these may have in all (default 10^13)', numberFrom(1, 2 ** 53 - 1))
    .option('--min-free <bytes>', 'keep so much of the disk free: below, no work is given out (default 200 MB)', numberFrom(0, 2 ** 50))
    .option(
      '--subnet-share <share>',
      'part of a job that one network may give while there are ten (default 0.2)',
      numberFrom(0.01, 1, false)
    )
    .option(
      '--proof-of-work <bits>',
      'what a new volunteer computes before its first lease: 18 are about 2 s on a phone (default 0: nothing)',
      numberFrom(0, 26)
    )
    .option('--recover', 'the database is lost: bring jobs, settlements and credit back from what peers remember')
    .option('--recover-from <file>', 'bring them back from an exported ledger')
    .action(async (options: ServeFlags) => (await import('./commands/serve.ts')).serve(context, options))
  serving(add('relay', 'run a relay: peers meet through it, and it keeps the ledger', 'relay --public-url https://relay.example.org'))
    .option('--coordinator-root <root>', 'root key of the coordinator whose ledger it keeps (`peercompute serve` shows it)')
    .action(async (options: RelayFlags) => (await import('./commands/relay.ts')).relay(context, options))
  coordinating(add('start', 'run a coordinator, publish the sample job, and lend this machine', 'start')).action(
    async (options: ServeFlags) => (await import('./commands/start.ts')).start(context, options)
  )

  add('backup <folder>', 'copy everything that a coordinator must not lose, while it runs', 'backup /backup/2030-01-01 --data .peercompute')
    .option('--data <folder>', 'data folder of the coordinator (default .peercompute)')
    .option('--json', 'data for programs on stdout')
    .action(async (folder: string, options: BackupOptions) => (await import('./commands/backup.ts')).backup(context, folder, options))
  add('restore <folder>', 'make a data folder from a backup', 'restore /backup/2030-01-01 --data /var/lib/peercompute')
    .option('--data <folder>', 'new data folder; it must be empty (default .peercompute)')
    .option('--json', 'data for programs on stdout')
    .action(async (folder: string, options: BackupOptions) => (await import('./commands/backup.ts')).restore(context, folder, options))

  add('check <job>', 'read a job, run some units on every executor here, compare, and estimate', 'check examples/jobs/n-queens')
    .option('-p, --param <name=value>', 'parameter of the job, repeatable', param, {})
    .option('--unit <unit>', 'unit to run (default: some, spread over the job)', numberFrom(0, Number.MAX_SAFE_INTEGER))
    .option('--json', 'data for programs on stdout')
    .action(async (job: string, options: CheckOptions) => (await import('./commands/check.ts')).check(context, job, options))
  remote(
    add(
      'submit <job>',
      'publish a job: a folder, a job file, or the name of a library kernel',
      'submit examples/jobs/n-queens --watch',
      'submit n-queens -p n=12'
    )
  )
    .option('-p, --param <name=value>', 'parameter of the job, repeatable', param, {})
    .option('--revision <number>', 'publish the same work again under another id', numberFrom(1, 1_000_000))
    .option('-w, --watch', 'show progress until the job ends')
    .option('--timeout <seconds>', 'stop watching after this time', numberFrom(0.001, 1e9, false))
    .action(async (job: string, options: SubmitOptions) => (await import('./commands/submit.ts')).submit(context, job, options))

  remote(add('list', 'the newest jobs', 'list --limit 5'))
    .option('--limit <number>', 'how many', numberFrom(1, 100), 20)
    .option('--cursor <cursor>', 'where the previous page ended')
    .action(async (options: ListOptions) => (await import('./commands/list.ts')).list(context, options))
  remote(add('show <job>', 'one job (id, its beginning, or the name)', 'show n-queens', 'show n-queens --trust', 'show n-queens --unit 17'))
    .addOption(new Option('--trust', 'how its units were decided: cost, error, agreement').conflicts('unit'))
    .option('--unit <number>', 'the results of one unit side by side', numberFrom(0, Number.MAX_SAFE_INTEGER))
    .action(async (job: string, options: ShowOptions) => (await import('./commands/show.ts')).show(context, job, options))
  remote(add('watch <job>', 'progress until the job ends', 'watch n-queens --timeout 60'))
    .option('--timeout <seconds>', 'give up after this time; the job goes on', numberFrom(0.001, 1e9, false))
    .action(async (job: string, options: WatchOptions) => (await import('./commands/watch.ts')).watch(context, job, options))
  remote(add('why <job|job/unit|host>', 'why it waits, is idle, or failed', 'why n-queens', 'why n-queens/17')).action(
    async (what: string, options: RemoteOptions) => (await import('./commands/why.ts')).why(context, what, options)
  )
  remote(
    add(
      'results <job>',
      'the settled units, in order',
      'results n-queens --format csv --out queens.csv',
      'results n-queens --out queens && peercompute verify queens'
    )
  )
    .addOption(new Option('--format <format>', 'form of the data').choices(['ndjson', 'json', 'csv', 'verified']))
    .option('--out <path>', 'a file (with an extension), or a folder (without one) that carries receipts and can be verified')
    .action(async (job: string, options: ResultsOptions) => (await import('./commands/results.ts')).results(context, job, options))
  remote(
    add(
      'verify <path>',
      'check a download again: hashes, receipts, votes, signatures; exit code 1 when something does not hold',
      'verify queens --root ROOT',
      'verify queens.verified.ndjson --rerun random'
    )
  )
    .option('--root <root>', 'root key of the coordinator, from where you trust it (`peercompute keys show` lists those met before)')
    .option('--ledger <file>', 'exported ledger in which the receipt must stand')
    .option('--rerun [unit]', 'compute this unit, or a random one, again here and compare')
    .action(async (path: string, options: VerifyOptions) => (await import('./commands/verify.ts')).verify(context, path, options))
  for (const [action, description] of [
    ['cancel', 'end a job; settled units stay'],
    ['pause', 'stop giving out units'],
    ['resume', 'give out units again']
  ] as const) {
    remote(add(`${action} <job>`, description, `${action} n-queens`)).action(async (job: string, options: RemoteOptions) =>
      (await import('./commands/cancel.ts')).changeJob(context, action, job, options)
    )
  }
  const lending = remote(
    add(
      'volunteer',
      'lend this machine to a coordinator',
      'volunteer --coordinator https://compute.example.org',
      'volunteer --gpu-share 50 --cores 2 --schedule "mon-fri 19:00-7:00, sat-sun"'
    )
  )
    .option('--data <folder>', 'folder of the identity and unsent results')
    .option('--label <name>', 'public name of this machine (none by default)')
    .option('--threads, --cores <number>', 'processor cores to lend (default all)', numberFrom(1, 1024))
    .option('--no-gpu', 'do not lend the graphics card')
    .addOption(
      new Option('--cage <kind>', "what strangers' JavaScript and WASM run in (default: deno, or else bubblewrap)").choices([
        'deno',
        'bubblewrap'
      ])
    )
  addLendingOptions(lending, numberFrom).action(async (options: VolunteerOptions) =>
    (await import('./commands/volunteer.ts')).volunteer(context, options)
  )

  addCreditCommands(program, { context, remote, example, numberFrom })
  addOperatorCommands(program, { context, remote, example, numberFrom })

  const room = program.command('room').description('a private pool by link: its members elect who leads, and nobody else reads it')
  remote(
    example(
      room.command('create').description('make a link, as text and as a QR code'),
      'room create --name "Our lab"',
      'room create --relay /dns4/relay.example.org/tcp/443/tls/ws/p2p/12D3KooW…'
    )
  )
    .option('--name <name>', 'what to call it, at most 64 characters')
    .option('--relay <address>', 'relay of the room (default: those of the coordinator); repeatable', listed)
    .option('--page <url>', 'page that opens the link in a browser (default: the coordinator’s)')
    .action(async (options: RoomCreateOptions) => (await import('./commands/room.ts')).createRoom(context, options))
  example(
    room.command('join [link]').description('be a member; the link may also be in PEERCOMPUTE_ROOM, where other users do not see it'),
    "room join 'https://compute.example.org/#/room/…' --lend",
    "room join 'LINK' --submit examples/jobs/n-queens"
  )
    .option('--lend', 'compute for the room')
    .option('--threads <number>', 'processor threads to lend', numberFrom(1, 1024))
    .option('--submit <job>', 'publish a job to the room, and stay until it has ended')
    .option('--timeout <seconds>', 'with --submit: give up after this time', numberFrom(0.001, 1e9, false))
    .option('--data <folder>', 'folder of the identity and the room’s ledger')
    .option('--label <name>', 'name of this machine for the members (none by default)')
    .option('--json', 'data for programs on stdout')
    .action(async (link: string | undefined, options: RoomJoinOptions) =>
      (await import('./commands/room.ts')).joinRoomByLink(context, link, options)
    )

  const net = program.command('net').description('the network of relays and peers')
  remote(
    example(
      net.command('doctor').description('walk the way into the network and say of each step how it is'),
      'net doctor --coordinator https://compute.example.org',
      'net doctor --relay /dns4/relay.example.org/tcp/443/tls/ws/p2p/12D3KooW…'
    )
  )
    .option('--relay <address>', 'ask this relay, and no coordinator')
    .option('--wait <seconds>', 'how long others may take to announce themselves', numberFrom(0, 600, false), 5)
    .action(async (options: DoctorOptions) => (await import('./commands/net.ts')).doctor(context, options))

  const ledger = program.command('ledger').description('the signed record of jobs, settlements and credit, as peers hold it')
  const fromPeers = (usage: string, description: string, ...examples: readonly string[]) =>
    remote(example(ledger.command(usage).description(description), ...examples))
      .option('--relay <address>', 'read from this relay, and ask no coordinator')
      .option('--timeout <seconds>', 'give up after this time', numberFrom(0.001, 1e9, false), 60)
  fromPeers('show', 'what the ledger says', 'ledger show', 'ledger show --job n-queens', 'ledger show --feed AUTHOR --json')
    .option('--job <id>', 'one job: its id, the beginning of it, or its name')
    .option('--feed <author>', 'the records of one author: the key, or its beginning')
    .option('--file <file>', 'read an exported file instead of peers')
    .option('--root <root>', 'root key of the coordinator whose word counts (default: the pinned one, or the first in the ledger)')
    .action(async (options: LedgerShowOptions) => (await import('./commands/ledger.ts')).showLedger(context, options))
  fromPeers('export <file>', 'write all records to a file that anybody can verify', 'ledger export ledger.peercompute').action(
    async (file: string, options: LedgerOptions) => (await import('./commands/ledger.ts')).exportToFile(context, file, options)
  )
  fromPeers(
    'verify [file]',
    'check every signature, chain and checkpoint; exit code 1 when something does not hold',
    'ledger verify ledger.peercompute',
    'ledger verify --live'
  )
    .option('--live', 'read from peers instead of a file')
    .option('--root <root>', 'root key of the coordinator whose checkpoints must hold')
    .action(async (file: string | undefined, options: LedgerFileOptions) =>
      (await import('./commands/ledger.ts')).verifyLedger(context, file, options)
    )

  const keys = program.command('keys').description('the keys that stand for you, or with --data for a coordinator')
  const key = (usage: string, description: string, ...examples: readonly string[]) =>
    example(keys.command(usage).description(description), ...examples)
      .option('--data <folder>', 'data folder of a coordinator')
      .option('--json', 'data for programs on stdout')
  key('show', 'public keys and pinned coordinators', 'keys show').action(async (options: KeyOptions) =>
    (await import('./commands/keys.ts')).showKeys(context, options)
  )
  key('export <file>', 'write the account (or the coordinator’s keys) to a file, for the safe', 'keys export my-account.json').action(
    async (file: string, options: KeyOptions) => (await import('./commands/keys.ts')).exportKeys(context, file, options)
  )
  key('rotate', 'replace the working key; the account or root stays', 'keys rotate --data .peercompute').action(
    async (options: KeyOptions) => (await import('./commands/keys.ts')).rotateKeys(context, options)
  )
  key('recover <file>', 'bring back what was exported', 'keys recover my-account.json')
    .option('--replace', 'replace another account that is here')
    .action(async (file: string, options: RecoverOptions) => (await import('./commands/keys.ts')).recoverKeys(context, file, options))
  key('forget <url>', 'remove the pin of a coordinator whose key was changed on purpose', 'keys forget https://compute.example.org').action(
    async (url: string, options: KeyOptions) => (await import('./commands/keys.ts')).forgetPin(context, url, options)
  )
  return program
}

/** Exit code of an error; says it on stderr. */
async function fail(context: Context, error: unknown, asJson: boolean): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  if (context.signal.aborted) return INTERRUPTED
  const { ERRORS, PeerComputeError, toProblem } = await import('@peercompute/job-specs')
  const known =
    error instanceof PeerComputeError
      ? error
      : new PeerComputeError('INTERNAL', error instanceof Error ? (error.stack ?? error.message) : String(error))
  if (asJson) context.terminal.talk(JSON.stringify(toProblem(known)))
  else (await import('./output/explain-error.ts')).explainError(context.terminal, known)
  return ERRORS[known.code].exit
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  let firstAt = 0
  const stop = () => {
    const now = performance.now()
    if (firstAt === 0) firstAt = now
    // The same Ctrl-C may come twice, from the terminal and through npm; a later one is impatience.
    else if (now - firstAt > 1_000) process.exit(INTERRUPTED)
    controller.abort(new DOMException('Interrupted', 'AbortError'))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  return controller.signal
}

export async function main(argv: readonly string[]): Promise<void> {
  const terminal = createTerminal(process)
  const context: Context = { terminal, env: process.env, signal: untilInterrupted() }
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  const program = buildProgram(context)
  const exitOverride = (command: Command): void => {
    command.exitOverride()
    for (const child of command.commands) exitOverride(child)
  }
  exitOverride(program)
  try {
    await program.parseAsync(keysLast(argv))
  } catch (error) {
    process.exitCode = await fail(context, error, argv.includes('--json'))
  }
}
