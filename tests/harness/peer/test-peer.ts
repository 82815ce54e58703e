/**
 * A volunteer's network without its work: what tests and benchmarks drive, alike in a page and in a process of Node. Every command takes
 * and gives plain JSON, because it comes from another process.
 */
import { certifyHost, generateKeyPair, jobIdSchema, rootIdSchema } from '@peercompute/job-specs'
import { createFold, createLedger, followLedger, memoryLedgerStore, type FeedWriter, type LedgerFold } from '@peercompute/ledger'
import { createClientNode, dialPeers, followTopic, PeerComputeProvider, superviseRelay, type PeerNode } from '@peercompute/p2p'
import { createTimeline, type Moment } from './timeline.ts'

export interface JoinOptions {
  /** One address for each relay, each ending in `/p2p/ID`. */
  readonly relays: readonly string[]
  /** False: this peer meets others over relays only. */
  readonly webRtc?: boolean
  /** False: nobody is dialled unless `dial` says so. */
  readonly dialPeers?: boolean
  /** False: no ledger, for light peers. */
  readonly ledger?: boolean
  /** Follows this root, as volunteers do: takes its checkpoints and folds what it says. */
  readonly root?: string
  readonly iceServers?: readonly RTCIceServer[]
  readonly iceTransportPolicy?: RTCIceTransportPolicy
}

export interface ConnectionView {
  readonly peer: string
  readonly address: string
  readonly path: 'relay' | 'circuit' | 'webrtc'
  readonly direction: 'inbound' | 'outbound'
  readonly status: string
}

export interface LedgerView {
  /** Of the feeds that are held. Replicas that hold different feeds may still say the same: a checkpoint sums feeds up. */
  readonly hash: string
  /** Of what the ledger says; null when no root is followed. */
  readonly stateHash: string | null
  /** Of all feeds. */
  readonly records: number
  /** Times that this peer's users heard of a record: as many as there are records, when each is delivered once. */
  readonly delivered: number
  readonly offences: number
}

/** Any will do: nobody here computes. */
const SOME_JOB = jobIdSchema.parse('0'.repeat(64))

export class TestPeer {
  readonly #timeline = createTimeline()
  readonly #heard: string[] = []
  readonly #closed: string[] = []
  #node: PeerNode | undefined
  #provider: PeerComputeProvider | undefined
  #ledger: ReturnType<typeof createLedger> | undefined
  #fold: LedgerFold | undefined
  #writer: FeedWriter | undefined
  #delivered = 0
  #stopping: (() => unknown)[] = []

  /** Starts the node and connects for ever. Returns the own PeerId, and whether this runtime has WebRTC. */
  async join(options: JoinOptions): Promise<{ readonly peer: string; readonly webRtc: boolean }> {
    const { node, webRtc } = await createClientNode({
      relays: options.relays,
      ...(options.webRtc === undefined ? {} : { webRtc: options.webRtc }),
      ...(options.iceServers === undefined ? {} : { iceServers: options.iceServers }),
      ...(options.iceTransportPolicy === undefined ? {} : { iceTransportPolicy: options.iceTransportPolicy })
    })
    this.#node = node
    this.#timeline.follow(node)
    node.addEventListener('connection:close', ({ detail }) => this.#closed.push(detail.remotePeer.toString()))
    this.#stopping.push(() => node.stop())
    if (options.ledger !== false) await this.#share(node, options.root)
    for (const relay of options.relays) {
      const supervisor = superviseRelay(node, [relay])
      this.#stopping.push(() => {
        supervisor.stop()
      })
    }
    if (webRtc && options.dialPeers !== false) this.#stopping.push(dialPeers(node))
    return { peer: node.peerId.toString(), webRtc }
  }

  async #share(node: PeerNode, root?: string): Promise<void> {
    const ledger = createLedger({ now: () => Date.now(), store: memoryLedgerStore() })
    this.#ledger = ledger
    if (root !== undefined) {
      const followed = rootIdSchema.parse(root)
      ledger.follow(followed)
      this.#fold = createFold(followed)
      followLedger(ledger, this.#fold)
    }
    ledger.onEntry(() => {
      this.#delivered += 1
      this.#timeline.note('record')
    })
    const provider = await PeerComputeProvider.start(node, ledger)
    this.#provider = provider
    this.#stopping.push(() => {
      ledger.close()
    })
    this.#stopping.push(() => provider.stop())
  }

  /** What has happened first of each kind, in milliseconds since this page or process began. */
  timeline(): readonly Moment[] {
    return this.#timeline.moments()
  }

  addresses(): readonly string[] {
    return this.#joined().getMultiaddrs().map(String)
  }

  connections(): readonly ConnectionView[] {
    return this.#joined()
      .getConnections()
      .map(({ remotePeer, remoteAddr, direction, status }) => {
        const address = remoteAddr.toString()
        const path = address.includes('/webrtc') ? 'webrtc' : address.includes('/p2p-circuit') ? 'circuit' : 'relay'
        return { peer: remotePeer.toString(), address, path, direction, status }
      })
  }

  /** PeerIds of whom a connection has closed, once for each. */
  closed(): readonly string[] {
    return this.#closed
  }

  /** PeerIds that are known with an address. */
  async known(): Promise<readonly string[]> {
    const peers = await this.#joined().peerStore.all()
    return peers.filter(({ addresses }) => addresses.length > 0).map(({ id }) => id.toString())
  }

  /** Dials a peer of the first relay; `path` says how. Resolves with the milliseconds that it took. */
  async dial(peer: string, path: 'circuit' | 'webrtc', timeoutMs: number): Promise<number> {
    const relay = this.#joined()
      .getConnections()
      .find(({ remoteAddr }) => !remoteAddr.toString().includes('/p2p-circuit'))
    if (relay === undefined) throw new Error('There is no relay to dial through')
    const started = performance.now()
    const address = relay.remoteAddr.encapsulate(`/p2p-circuit${path === 'webrtc' ? '/webrtc' : ''}/p2p/${peer}`)
    await this.#joined().dial(address, { signal: AbortSignal.timeout(timeoutMs) })
    return performance.now() - started
  }

  /** Closes every connection with a peer. */
  async hangUp(peer: string): Promise<void> {
    const connections = this.#joined()
      .getConnections()
      .filter(({ remotePeer }) => remotePeer.toString() === peer)
    await Promise.all(connections.map((connection) => connection.close()))
  }

  /** Appends records to the own feed, which is opened with the first. Resolves when they are in the own replica. */
  async append(count: number): Promise<void> {
    if (this.#ledger === undefined) throw new Error('This peer has no ledger')
    if (this.#writer === undefined) {
      const [host, account] = await Promise.all([generateKeyPair({ extractable: false }), generateKeyPair({ extractable: false })])
      this.#writer = this.#ledger.writer(host)
      await this.#writer.append('feed.open', { certificate: await certifyHost(account, host.publicKey, 'test', Date.now()) })
    }
    const writer = this.#writer
    await Promise.all(Array.from({ length: count }, () => writer.append('job.cancel', { job: SOME_JOB })))
  }

  /** Records of the own feed. */
  ownRecords(): number {
    return this.#writer === undefined || this.#ledger === undefined ? 0 : this.#ledger.entries(this.#writer.feed).length
  }

  ledger(): LedgerView {
    if (this.#ledger === undefined || this.#provider === undefined) throw new Error('This peer has no ledger')
    const records = this.#ledger.heads().reduce((sum, { length }) => sum + length, 0)
    return {
      hash: this.#ledger.foldHash(),
      stateHash: this.#fold?.stateHash() ?? null,
      records,
      delivered: this.#delivered,
      offences: this.#provider.stats.offences
    }
  }

  /** Follows a topic that is not the ledger's, to see gossip alone. */
  follow(topic: string): void {
    followTopic(this.#joined(), topic, (data) => {
      this.#heard.push(new TextDecoder().decode(data))
      return 'accept'
    })
  }

  subscribers(topic: string): readonly string[] {
    return this.#joined().services.pubsub.getSubscribers(topic).map(String)
  }

  async publish(topic: string, text: string): Promise<void> {
    await this.#joined().services.pubsub.publish(topic, new TextEncoder().encode(text))
  }

  heard(): readonly string[] {
    return this.#heard
  }

  /** Keeps this thread busy, as a long computation on the main thread would. */
  block(ms: number): void {
    const end = performance.now() + ms
    while (performance.now() < end);
  }

  async leave(): Promise<void> {
    for (const stop of this.#stopping.splice(0).reverse()) await stop()
  }

  #joined(): PeerNode {
    if (this.#node === undefined) throw new Error('This peer has not joined yet')
    return this.#node
  }
}

/** The names of what can be asked of a peer from outside. */
export type PeerCommand = Exclude<keyof TestPeer, symbol>
export type PeerArguments<K extends PeerCommand> = Parameters<TestPeer[K]>
export type PeerAnswer<K extends PeerCommand> = Awaited<ReturnType<TestPeer[K]>>

/** A peer somewhere else: in another process, or in a page. */
export interface RemotePeer {
  call<K extends PeerCommand>(command: K, ...args: PeerArguments<K>): Promise<PeerAnswer<K>>
}

/** Runs a command that came by name. Throws when there is none of that name. */
export async function runCommand(peer: TestPeer, command: string, args: readonly unknown[]): Promise<unknown> {
  const method: unknown = Reflect.get(peer, command)
  if (typeof method !== 'function' || command.startsWith('constructor')) throw new Error(`A peer has no command "${command}"`)
  return Reflect.apply(method, peer, args) as unknown
}
