/** Tokens that the operator gives to researchers and programs. */
import type { TokenScope, TokenView } from '@peercompute/job-specs'
import { json, operatorOf, type Context, type RemoteOptions } from '../context.ts'
import { moment } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { table } from '../output/table.ts'

const DAY_SECONDS = 86_400

export interface TokenCreateOptions extends RemoteOptions {
  readonly scope: readonly TokenScope[]
  readonly label: string
  /** Days. */
  readonly expires?: number
}

export async function createToken(context: Context, { scope, label, expires, ...options }: TokenCreateOptions): Promise<void> {
  const api = await operatorOf(context, options)
  const expiresIn = expires === undefined ? {} : { expiresIn: Math.ceil(expires * DAY_SECONDS) }
  const created = await api.createToken({ label, scopes: scope, ...expiresIn })
  if (options.json) return context.terminal.data(json(created))
  const until = created.expiresAt === null ? 'does not expire' : `expires ${moment(created.expiresAt)}`
  context.terminal.talk(`Token ${created.id} (${created.scopes.join(', ')}), ${until}. It is shown this once:`)
  await context.terminal.data(`${created.token}\n`)
}

export async function listTokens(context: Context, options: RemoteOptions): Promise<void> {
  const tokens = await (await operatorOf(context, options)).tokens()
  if (options.json) return context.terminal.data(json({ tokens }))
  if (tokens.length === 0) {
    context.terminal.talk('There are no tokens beside the admin token. Make one: peercompute tokens create --scope publish')
    return
  }
  await context.terminal.data(table(['TOKEN', 'SCOPES', 'STATE', 'LAST USED', 'LABEL'], tokens.map(row)))
}

export async function revokeToken(context: Context, id: string, options: RemoteOptions): Promise<void> {
  const token = await (await operatorOf(context, options)).revokeToken(id)
  if (options.json) return context.terminal.data(json(token))
  context.terminal.talk(`Token ${token.id} is revoked. Jobs that were published with it go on; end them with: peercompute cancel JOB`)
}

function row({ id, scopes, label, expiresAt, revokedAt, lastUsedAt }: TokenView): readonly string[] {
  const ends = expiresAt === null ? 'good' : expiresAt > Date.now() ? `until ${moment(expiresAt)}` : `expired ${moment(expiresAt)}`
  return [
    id,
    scopes.join(','),
    revokedAt === null ? ends : `revoked ${moment(revokedAt)}`,
    lastUsedAt === null ? 'never' : moment(lastUsedAt),
    printable(label)
  ]
}
