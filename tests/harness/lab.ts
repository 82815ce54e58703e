/** Everything that a network test starts, ended in the opposite order. */
import { startLossyTcp, type LossyTcp, type TcpLine } from './lossy-tcp.ts'
import { startPeerProcess, type PeerProcess } from './peer-process.ts'
import { startRelay, type RelayOptions, type TestRelay } from './relay-process.ts'
import { until } from './until.ts'
import type { JoinOptions, LedgerView, RemotePeer } from './peer/test-peer.ts'

export interface Lab {
  relay(options?: RelayOptions): Promise<TestRelay>
  /** A relay whose clients all come over a bad line. */
  relayBehind(seed: number, line?: TcpLine, options?: RelayOptions): Promise<{ readonly relay: TestRelay; readonly line: LossyTcp }>
  /** A process with one peer in it, joined. */
  peer(options: JoinOptions): Promise<LabPeer>
  process(): Promise<PeerProcess>
  /** Runs when the test is over, before what was started earlier is ended. */
  after(task: () => unknown): void
  end(): Promise<void>
}

export interface LabPeer extends RemotePeer {
  readonly id: string
  readonly process: PeerProcess
}

export function createLab(): Lab {
  const tasks: (() => unknown)[] = []
  const lab: Lab = {
    async relay(options) {
      const relay = await startRelay(options)
      tasks.push(() => relay.kill())
      return relay
    },
    async relayBehind(seed, first, options) {
      const lines: LossyTcp[] = []
      const relay = await lab.relay({
        ...options,
        behind: async (port) => {
          const line = await startLossyTcp(() => port, seed, first)
          lines.push(line)
          tasks.push(() => line.close())
          return line.port
        }
      })
      const [line] = lines
      if (line === undefined) throw new Error('There is no line in front of the relay')
      return { relay, line }
    },
    async process() {
      const started = await startPeerProcess()
      tasks.push(() => started.kill())
      return started
    },
    async peer(options) {
      const started = await lab.process()
      const peer = started.peer()
      const { peer: id } = await peer.call('join', options)
      return { ...peer, id, process: started }
    },
    after(task) {
      tasks.push(task)
    },
    async end() {
      for (const task of tasks.splice(0).reverse()) await task()
    }
  }
  return lab
}

/** Waits until all hold the same records, judged by the fold, and as many as they should. Returns what they hold. */
export async function converged(
  what: string,
  peers: readonly RemotePeer[],
  records: number,
  timeoutMs = 60_000
): Promise<readonly LedgerView[]> {
  let views: readonly LedgerView[] = []
  const same = async (): Promise<boolean> => {
    views = await Promise.all(peers.map((peer) => peer.call('ledger')))
    return views.every(({ hash, records: held }) => held === records && hash === views[0]?.hash)
  }
  await until(what, same, timeoutMs).catch((cause: unknown) => {
    throw new Error(`${what}: ${views.map(({ hash, records: held }) => `${held} records ${hash.slice(0, 8)}`).join(', ')}`, { cause })
  })
  return views
}

/** Waits until each of these peers has an open connection of this kind to each other one. */
export async function meshed(
  peers: readonly (RemotePeer & { readonly id: string })[],
  path: 'circuit' | 'webrtc' = 'webrtc',
  timeoutMs = 60_000
): Promise<void> {
  await until(
    `a full mesh over ${path}`,
    async () => {
      const all = await Promise.all(peers.map((peer) => peer.call('connections')))
      return all.every((connections, index) =>
        peers.every(
          ({ id }, other) => other === index || connections.some((one) => one.peer === id && one.path === path && one.status === 'open')
        )
      )
    },
    timeoutMs
  )
}

/** Waits until the peer has an open connection to this relay. */
export async function reaches(peer: RemotePeer, relay: { readonly peer: string }, timeoutMs = 60_000): Promise<void> {
  await until(
    'the connection to the relay',
    async () => (await peer.call('connections')).some((one) => one.peer === relay.peer && one.path === 'relay' && one.status === 'open'),
    timeoutMs
  )
}
