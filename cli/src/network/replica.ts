/** A replica of the ledger for one command: from peers, or from a file. */
import { readFile } from 'node:fs/promises'
import { PeerComputeError, type RootId } from '@peercompute/job-specs'
import { createLedger, exportLedger, importLedger, memoryLedgerStore, verifyLedgerFile, type Ledger } from '@peercompute/ledger'
import { groupRelays } from '@peercompute/p2p'
import { coordinatorOf, type Context, type RemoteOptions } from '../context.ts'
import { userFolder } from '../user/folder.ts'
import { createPinStore } from '../user/pins.ts'
import { startLightNode, type Heads, type LightNode } from './light-node.ts'
import { checkRelayAddress } from './relay-addresses.ts'
import { within } from './within.ts'

export interface PeerOptions extends RemoteOptions {
  readonly relay?: string
  /** Seconds until it is given up. */
  readonly timeout: number
  readonly root?: RootId
}

export interface Replica extends AsyncDisposable {
  readonly ledger: Ledger
  /** Whose word counts; null where nobody was named and the ledger does not tell. */
  readonly root: RootId | null
  /** Updates that peers sent and that were refused, by reason. */
  refused(): Readonly<Record<string, number>>
}

/** Records of which the other side told, which this replica wants and does not have. */
export function recordsLacking(ledger: Ledger, told: Heads): number {
  return told.filter((feed) => ledger.lacks(feed, feed.length)).reduce((sum, feed) => sum + feed.length - ledger.entries(feed).length, 0)
}

/** Rejects with PEER_UNREACHABLE or COORDINATOR_UNREACHABLE, with TIMEOUT when not everything came in time. */
export async function replicaOfPeers(context: Context, options: PeerOptions): Promise<Replica> {
  const deadline = AbortSignal.timeout(options.timeout * 1_000)
  const signal = AbortSignal.any([context.signal, deadline])
  const { relay, root } = await whomToAsk(context, options)
  context.terminal.live('Reading the ledger …')
  const node = await startLightNode({ relay })
  try {
    if (root !== null) node.ledger.follow(root)
    const peer = await node.connected(signal)
    await catchUp(node, peer, options.timeout * 1_000, signal)
    const followed = root ?? (await verifyLedgerFile(exportLedger(node.ledger))).root
    if (root === null && followed !== null) {
      node.ledger.follow(followed)
      await catchUp(node, peer, options.timeout * 1_000, signal)
    }
    return { ledger: node.ledger, root: followed, refused: () => node.refused(), [Symbol.asyncDispose]: () => node.stop() }
  } catch (error) {
    await node.stop()
    context.signal.throwIfAborted()
    if (deadline.aborted) throw new PeerComputeError('TIMEOUT', `the ledger did not arrive within ${options.timeout} s`, { cause: error })
    throw error
  }
}

async function whomToAsk(
  context: Context,
  options: PeerOptions
): Promise<{ readonly relay: readonly string[]; readonly root: RootId | null }> {
  if (options.relay !== undefined) return { relay: [checkRelayAddress(options.relay)], root: options.root ?? null }
  const { url, api } = await coordinatorOf(context, options)
  const info = await api.info()
  if (options.root === undefined) await createPinStore(userFolder(context.env)).check(url, info)
  const [relay] = groupRelays([...info.addresses, ...info.relays])
  if (relay === undefined) throw new PeerComputeError('PEER_UNREACHABLE', `${url} names no relay`)
  return { relay, root: options.root ?? info.root }
}

/** Until everything is here of which the relay tells, the snapshot of its newest checkpoint included. */
async function catchUp(node: LightNode, peer: string, ms: number, signal: AbortSignal): Promise<void> {
  const told = await node.headsOf(peer, signal)
  await within(ms, signal, () => recordsLacking(node.ledger, told) === 0 && node.ledger.wantedSnapshot() === null)
}

/** Everything of the file that verifies; the caller looks at what was refused with `verifyLedgerFile`. */
export async function replicaOfFile(file: string, root?: RootId): Promise<Replica> {
  const bytes = await readLedgerFile(file)
  const { root: followed } = await verifyLedgerFile(bytes, root).catch(unreadable(file))
  const ledger = createLedger({ now: Date.now, store: memoryLedgerStore() })
  if (followed !== null) ledger.follow(followed)
  await importLedger(ledger, bytes)
  const close = (): Promise<void> => {
    ledger.close()
    return Promise.resolve()
  }
  return { ledger, root: followed, refused: () => ({}), [Symbol.asyncDispose]: close }
}

export async function readLedgerFile(file: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(file))
  } catch (cause) {
    throw new PeerComputeError('LEDGER_FILE_UNREADABLE', cause instanceof Error ? cause.message : file, { cause })
  }
}

/** For the errors of a file that is none of a ledger. */
export function unreadable(file: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof PeerComputeError)) throw error
    throw new PeerComputeError('LEDGER_FILE_UNREADABLE', `${file}: ${error.detail}`, { cause: error })
  }
}
