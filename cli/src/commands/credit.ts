/** One's own credit, and the export of everybody's, which anybody can check without the coordinator. */
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import {
  checkCreditExport,
  creditExportSchema,
  PeerComputeError,
  rootIdSchema,
  shortId,
  type AccountCredit,
  type CreditExport
} from '@peercompute/job-specs'
import { creditClient, EXPORT_MAX_BYTES } from '../api/credit-client.ts'
import { json, type Context, type RemoteOptions, type SharedOptions } from '../context.ts'
import { count, moment, percent } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { userFolder } from '../user/folder.ts'
import { ownIdentity } from '../user/identity.ts'
import { createPinStore } from '../user/pins.ts'
import { credits } from './leaderboard.ts'
import { pinnedRoot, type OwnOptions } from './team.ts'

export interface VerifyCreditOptions extends SharedOptions {
  readonly root?: string
}

export async function showCredit(context: Context, options: OwnOptions): Promise<void> {
  const { account } = (await ownIdentity(context.env, options.data)).certificate
  const credit = await creditClient(context, options).account(account)
  if (options.json) return context.terminal.data(json(credit))
  await context.terminal.data(lines(own(credit)))
}

function own({ account, microCredits, units, rank, share, team }: AccountCredit): readonly (readonly [string, string])[] {
  return [
    ['account', account],
    ['credit', `${credits(microCredits)}${rank === null ? '' : `, rank ${count(rank)}, ${percent(share, 1)} of all`}`],
    ['units', count(units)],
    [
      'team',
      team === null
        ? 'none'
        : `${printable(team.name)} since ${moment(team.since)}: ${credits(team.microCredits)} credits, ${count(team.units)} units`
    ]
  ]
}

export async function exportCredit(context: Context, file: string, options: RemoteOptions): Promise<void> {
  const root = await pinnedRoot(context, options)
  const bytes = await creditClient(context, options).exported()
  const exported = parse(Buffer.from(bytes).toString('utf8'), 'what the coordinator sent')
  await mustHold(exported, root, 'what the coordinator sent')
  const temporary = `${file}.${process.pid}.part`
  try {
    await writeFile(temporary, bytes)
    await rename(temporary, file)
  } catch (cause) {
    throw new PeerComputeError('CONFIG_INVALID', `${file}: ${cause instanceof Error ? cause.message : 'it cannot be written'}`, { cause })
  }
  if (options.json) return context.terminal.data(json({ file, bytes: bytes.length, ...summary(exported) }))
  context.terminal.talk(`Written to ${file}: ${count(exported.accounts.length)} accounts. Check it: peercompute credit verify ${file}`)
}

export async function verifyCredit(context: Context, file: string, options: VerifyCreditOptions): Promise<void> {
  const exported = parse(await read(file), file)
  const { root } = exported.certificate
  const wanted = options.root === undefined ? null : rootIdSchema.safeParse(options.root)
  if (wanted?.success === false)
    throw new PeerComputeError('CONFIG_INVALID', `--root "${options.root ?? ''}" is not a root key: 43 letters, digits, - and _`)
  await mustHold(exported, wanted?.data ?? null, file)
  const pins = await createPinStore(userFolder(context.env)).all()
  const knownBy = Object.entries(pins).find(([, pin]) => pin === root)?.[0] ?? null
  const known = wanted !== null || knownBy !== null
  if (options.json) return context.terminal.data(json({ holds: true, root, known, ...summary(exported) }))
  const { accounts, teams, jobs, sums, audit, at } = exported
  await context.terminal.data(
    lines([
      ['holds', 'signature, certificate and all sums'],
      [
        'coordinator',
        `${root} ${known ? `(${knownBy ?? 'as you said'})` : '(not known here: compare it with what the coordinator publishes)'}`
      ],
      ['made', moment(at)],
      ['accounts', `${count(accounts.length)} with ${credits(sums.microCredits)} credits, in ${count(teams.length)} teams`],
      ['earned', `${credits(sums.settled)} credits by results of ${count(jobs.length)} jobs`],
      ...(sums.carried === 0 ? [] : [['carried', `${credits(sums.carried)} credits from before its database was lost`] as const]),
      ['audited', audit === null ? 'not since the coordinator started' : `${moment(audit.at)}, over ${count(audit.units)} settled units`],
      ...[...accounts]
        .sort((a, b) => b.microCredits - a.microCredits)
        .slice(0, 3)
        .map(({ account, microCredits }, index) => [`no. ${index + 1}`, `${shortId(account)} ${credits(microCredits)}`] as const)
    ])
  )
}

function summary({ accounts, teams, jobs, sums, audit, at }: CreditExport) {
  return { at, accounts: accounts.length, teams: teams.length, jobs: jobs.length, sums, audit }
}

async function mustHold(exported: CreditExport, root: string | null, where: string): Promise<void> {
  const wrong = await checkCreditExport(exported, root)
  if (wrong.length > 0) throw new PeerComputeError('EXPORT_INVALID', `${where}: ${wrong.slice(0, 10).join(' ')}`)
}

async function read(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size > EXPORT_MAX_BYTES) throw new Error(`it has ${size} bytes, at most ${EXPORT_MAX_BYTES} are read`)
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new PeerComputeError('EXPORT_UNREADABLE', `${file}: ${cause instanceof Error ? cause.message : 'it cannot be read'}`, { cause })
  }
}

function parse(text: string, where: string): CreditExport {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new PeerComputeError('EXPORT_UNREADABLE', `${where} is not JSON`, { cause })
  }
  const parsed = creditExportSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new PeerComputeError('EXPORT_UNREADABLE', `${where}: "${issue?.path.join('.') ?? ''}" ${issue?.message ?? ''}`)
}

function lines(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([name, text]) => `${name.padEnd(12)} ${text}\n`).join('')
}
