/** A relay without a coordinator. Its addresses go to `peercompute serve --also-relay`. */
import { flushCompileCache } from 'node:module'
import { resolve } from 'node:path'
import { ndjson, type Context, type SharedOptions } from '../context.ts'
import { faultLog, interrupted } from './serve.ts'

export interface RelayFlags extends SharedOptions {
  readonly port?: number
  readonly host?: string
  readonly data?: string
  readonly publicUrl?: string
  readonly trustProxy?: string[]
  readonly subnetQuota?: number
  readonly coordinatorRoot?: string
}

const DEFAULT_DATA = '.peercompute-relay'

export async function relay({ env, terminal, signal }: Context, { data, json, ...settings }: RelayFlags): Promise<void> {
  const { serveRelay, readRelayConfig } = await import('@peercompute/relay-coordinator')
  const dataDir = resolve(data ?? (env.PEERCOMPUTE_DATA || DEFAULT_DATA))
  const running = await serveRelay({ ...readRelayConfig({ ...settings, dataDir }, env), logger: await faultLog() })
  flushCompileCache() // As `serve` does.
  try {
    const { url, port, peerId, addresses, root } = running
    if (json) await terminal.data(ndjson({ url, port, peerId, addresses, root, dataDir: running.dataDir }))
    else {
      terminal.talk(`${terminal.style('bold', url)}  a relay for peers and their ledger`)
      terminal.talk(`  data      ${running.dataDir}`)
      for (const address of addresses) terminal.talk(`  address   ${address}  (for: peercompute serve --also-relay)`)
      if (root === null)
        terminal.talk('  It keeps every feed that peers bring, up to its quota; --coordinator-root ROOT makes it follow one coordinator.')
      terminal.talk('Stop it with Ctrl-C.')
    }
    await interrupted(signal)
  } finally {
    await running.close()
  }
}
