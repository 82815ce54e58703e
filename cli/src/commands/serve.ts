import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { RunningServer, ServeOptions } from '@peercompute/relay-coordinator'
import { DEFAULT_PORT, ndjson, type Context, type SharedOptions } from '../context.ts'

export interface ServeFlags extends SharedOptions {
  readonly port?: number
  readonly host?: string
  readonly data?: string
  readonly publicUrl?: string
  readonly trustProxy?: string[]
}

const DEFAULT_DATA = '.peercompute'

/** Where the built pages lie in a clone of the repository. */
function builtPages(): string | undefined {
  const folder = join(import.meta.dirname, '..', '..', '..', 'dashboard', 'dist')
  return existsSync(join(folder, 'index.html')) ? folder : undefined
}

/** Flag, then environment, then default. */
function options(env: Context['env'], flags: ServeFlags): ServeOptions {
  const port = flags.port ?? Number(env.PEERCOMPUTE_PORT ?? DEFAULT_PORT)
  const host = flags.host ?? env.PEERCOMPUTE_HOST
  const publicUrl = flags.publicUrl ?? env.PEERCOMPUTE_PUBLIC_URL
  const trustProxy = flags.trustProxy ?? env.PEERCOMPUTE_TRUST_PROXY?.split(',').map((part) => part.trim())
  const dashboardDir = env.PEERCOMPUTE_DASHBOARD ?? builtPages()
  return {
    port,
    dataDir: resolve(flags.data ?? env.PEERCOMPUTE_DATA ?? DEFAULT_DATA),
    ...(host === undefined ? {} : { host }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(trustProxy === undefined ? {} : { trustProxy }),
    ...(dashboardDir === undefined ? {} : { dashboardDir })
  }
}

export async function startServer(context: Context, flags: ServeFlags): Promise<RunningServer> {
  const [{ serve: run }, { sandboxDocument }, { pino }] = await Promise.all([
    import('@peercompute/relay-coordinator'),
    import('@peercompute/worker-client/sandbox'),
    import('pino')
  ])
  // Faults only, as JSON lines on stderr; stdout stays data.
  const logger = pino({ level: 'warn', base: null }, pino.destination({ dest: 2, sync: true }))
  return run({ ...options(context.env, flags), sandboxPage: sandboxDocument(), logger })
}

/** What an operator has to know. Without a token only at the first start. */
export function sayServer({ terminal }: Context, server: RunningServer): void {
  terminal.talk(`${terminal.style('bold', server.url)}  pages, API and peers on one port`)
  terminal.talk(`  data    ${server.dataDir}`)
  terminal.talk(`  root    ${server.root}  (clients pin this key)`)
  if (server.adminToken !== null) terminal.talk(`  token   ${server.adminToken}  (admin; shown this once, keep it)`)
  if (server.openOnLoopback) terminal.talk('  Programs on this machine need no token.')
}

/** Resolves when the command is interrupted. */
export function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}

export async function serve(context: Context, flags: ServeFlags): Promise<void> {
  const server = await startServer(context, flags)
  try {
    if (flags.json) {
      const { url, port, root, peerId, addresses, dataDir, adminToken, openOnLoopback } = server
      await context.terminal.data(ndjson({ url, port, root, peerId, addresses, dataDir, adminToken, openOnLoopback }))
    } else {
      sayServer(context, server)
      context.terminal.talk('Stop it with Ctrl-C; nothing acknowledged is lost.')
    }
    await interrupted(context.signal)
  } finally {
    await server.close()
  }
}
