import { existsSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join, resolve } from 'node:path'
import type { RunningServer } from '@peercompute/relay-coordinator'
import { ndjson, type Context, type SharedOptions } from '../context.ts'

export interface ServeFlags extends SharedOptions {
  readonly port?: number
  readonly host?: string
  readonly data?: string
  readonly publicUrl?: string
  readonly trustProxy?: string[]
  readonly subnetQuota?: number
  readonly alsoRelay?: string[]
  readonly newResearchers?: 'admit' | 'ask'
  readonly iceServer?: string[]
  readonly relays?: number
  readonly relayPort?: number
  readonly relayUrl?: string[]
  readonly openJobs?: number
  readonly openUnits?: number
  readonly minFree?: number
  readonly subnetShare?: number
  readonly proofOfWork?: number
  readonly recover?: true
  readonly recoverFrom?: string
}

const DEFAULT_DATA = '.peercompute'

/** Where the built pages lie in a clone of the repository. */
function builtPages(): string | undefined {
  const folder = join(import.meta.dirname, '..', '..', '..', 'dashboard', 'dist')
  return existsSync(join(folder, 'index.html')) ? folder : undefined
}

export async function startServer({ env }: Context, flags: ServeFlags): Promise<RunningServer> {
  const [{ serve: run, readServeConfig }, { sandboxDocumentApart }, { checkWgsl, whyNoWgslCheck }, logger] = await Promise.all([
    import('@peercompute/relay-coordinator'),
    import('@peercompute/worker-client/sandbox/apart'),
    import('@peercompute/worker-client/wgsl/check'),
    faultLog()
  ])
  const { data, json: _json, iceServer, relayUrl, ...settings } = flags
  const dataDir = resolve(data ?? (env.PEERCOMPUTE_DATA || DEFAULT_DATA))
  const dashboardDir = env.PEERCOMPUTE_DASHBOARD || builtPages()
  const config = readServeConfig({ ...settings, dataDir, dashboardDir, iceServers: iceServer, relayUrls: relayUrl }, env)
  const server = await run({
    ...config,
    sandboxPage: sandboxDocumentApart,
    kernelCheck: { unavailable: whyNoWgslCheck(), check: (spec, wgsl) => checkWgsl(spec, wgsl) },
    logger
  })
  // Otherwise written at a process's orderly end only: after a kill it would compile everything again, for ever, in twice the time.
  flushCompileCache()
  return server
}

/** Faults and warnings only, as JSON lines on stderr; stdout stays data. */
export async function faultLog() {
  const { pino } = await import('pino')
  return pino({ level: 'warn', base: null }, pino.destination({ dest: 2, sync: true }))
}

/** What an operator has to know. Without a token only at the first start. */
export function sayServer({ terminal }: Context, server: RunningServer): void {
  terminal.talk(`${terminal.style('bold', server.url)}  pages, API and peers on one port`)
  terminal.talk(`  data    ${server.dataDir}`)
  terminal.talk(`  root    ${server.root}  (clients pin this key)`)
  if (server.relays.length > 0)
    terminal.talk(`  relays  ${server.relays.map(({ port }) => port).join(', ')}  (ports where volunteers connect)`)
  if (server.adminToken !== null) terminal.talk(`  token   ${server.adminToken}  (admin; shown this once, keep it)`)
  if (server.openOnLoopback) terminal.talk('  Programs on this machine need no token.')
  for (const warning of server.warnings) terminal.talk(terminal.style('yellow', `  ${warning}`))
  if (server.recovered !== null)
    terminal.talk(terminal.style('yellow', '  Recovering: it takes no work until peers have brought what they remember of it.'))
}

async function sayRecovered({ terminal }: Context, { recovered }: RunningServer, { json }: ServeFlags): Promise<void> {
  if (recovered === null) return
  const { jobs, units, accounts } = await recovered
  if (json) await terminal.data(ndjson({ recovered: { jobs, units, accounts } }))
  else
    terminal.talk(
      `Recovered ${jobs} jobs, ${units} settled units and the credit of ${accounts} accounts; it takes work again. The values of those units are not held here.`
    )
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
      const { url, port, root, peerId, addresses, relays, dataDir, adminToken, openOnLoopback, warnings } = server
      const recovering = server.recovered !== null
      await context.terminal.data(
        ndjson({ url, port, root, peerId, addresses, relays, dataDir, adminToken, openOnLoopback, recovering, warnings })
      )
    } else {
      sayServer(context, server)
      context.terminal.talk('Stop it with Ctrl-C; nothing acknowledged is lost.')
    }
    await Promise.race([interrupted(context.signal), sayRecovered(context, server, flags)])
    await interrupted(context.signal)
  } finally {
    await server.close()
  }
}
