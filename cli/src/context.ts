/** What every command is given: where it speaks, whom it asks, and when it must end. */
import type { ApiClient } from './api/client.ts'
import type { OperatorClient } from './api/operator-client.ts'
import type { Terminal } from './output/terminal.ts'

export const DEFAULT_PORT = 8400
export const DEFAULT_COORDINATOR = `http://127.0.0.1:${DEFAULT_PORT}`

/** Options that every command shares, as commander hands them over. */
export interface SharedOptions {
  readonly json?: true
}

export interface RemoteOptions extends SharedOptions {
  readonly coordinator?: string
  readonly token?: string
}

export interface Context {
  readonly terminal: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts at the first Ctrl-C or termination signal. */
  readonly signal: AbortSignal
}

export interface Coordinator {
  readonly url: string
  readonly token: string | undefined
  readonly api: ApiClient
}

/** Flag, then environment, then the default. */
export async function coordinatorOf(context: Context, options: RemoteOptions): Promise<Coordinator> {
  const { createApiClient } = await import('./api/client.ts')
  const { url, token } = coordinatorUrl(context, options)
  return { url, token, api: createApiClient({ url, ...(token === undefined ? {} : { token }), signal: context.signal }) }
}

/** The same coordinator, for what only its operator may. */
export async function operatorOf(context: Context, options: RemoteOptions): Promise<OperatorClient> {
  const { createOperatorClient } = await import('./api/operator-client.ts')
  const { url, token } = coordinatorUrl(context, options)
  return createOperatorClient({ url, ...(token === undefined ? {} : { token }), signal: context.signal })
}

/** Address and token, from flag, environment or default. */
export function coordinatorUrl({ env }: Context, options: RemoteOptions): { readonly url: string; readonly token: string | undefined } {
  const url = (options.coordinator ?? env.PEERCOMPUTE_COORDINATOR ?? DEFAULT_COORDINATOR).replace(/\/+$/, '')
  return { url, token: options.token ?? env.PEERCOMPUTE_TOKEN }
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

export function ndjson(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}
