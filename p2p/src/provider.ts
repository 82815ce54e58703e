/**
 * PeerComputeProvider: the ledger's Yjs feeds over libp2p. On connect, both sides say what they hold and fetch what they lack;
 * afterwards own appends travel by gossip; because gossip is lossy, heads are compared again every ANTI_ENTROPY_MS. Gossip and
 * streams go through the same gate, `ledger.admit`.
 */
import { feedKey } from '@peercompute/ledger'
import {
  ANTI_ENTROPY_MS,
  decodeFrames,
  encodeFrame,
  GOSSIP_MAX_BYTES,
  LEDGER_FRAME_MAX_BYTES,
  LEDGER_PROTOCOL,
  LEDGER_TOPIC,
  ledgerMessageSchema
} from '@peercompute/job-specs/protocol'
import { asError } from './as-error.ts'
import { BanList } from './ban-list.ts'
import { handleChannel, openChannel } from './channels.ts'
import { systemClock, type Clock } from './time/clock.ts'
import { followTopic, publishTo, type PeerNode, type Verdict } from './gossip.ts'
import { LedgerSession, PeerOffence } from './ledger-session.ts'
import { isOffence, verdictOf } from './refusals.ts'
import { DIAL_TIMEOUT_MS, GOSSIP_SETTLE_MS } from './settings.ts'
import type { FrameChannel } from './frame-channel.ts'
import type { ContentHash } from '@peercompute/job-specs'
import type { Admission, FeedName, Ledger, Refusal } from '@peercompute/ledger'
import type { Connection, PeerId } from '@libp2p/interface'

/** One for each side; a peer that opens more is refused by libp2p. */
const SESSIONS_PER_CONNECTION = 4

export interface ProviderStats {
  /** Peers in an exchange now. */
  readonly sessions: number
  /** Records that came from peers and were new. */
  readonly records: number
  /** Updates that were not applied, by reason. */
  readonly refused: Readonly<Partial<Record<Refusal, number>>>
  /** Peers that were cut off for sending what no honest peer sends. */
  readonly offences: number
}

/** Which peers exchange this ledger, and how it looks to those in between. */
export interface ProviderScope {
  /** Gossip topic. */
  readonly topic: string
  /** Stream protocol. */
  readonly protocol: string
  /** Around every channel, e.g. encryption. `opener`: who opened it, since the one who answers may have to wait for a proof. */
  wrap?(channel: FrameChannel, opener: 'us' | 'them'): FrameChannel
  /** What travels by gossip. Sealed messages that exceed GOSSIP_MAX_BYTES go over the streams. */
  seal?(gossip: Uint8Array): Promise<Uint8Array>
  /** The reverse; null for what is not meant for this scope, which is ignored. */
  open?(gossip: Uint8Array): Promise<Uint8Array | null>
}

/** Everybody's ledger, in the clear. */
const PUBLIC_SCOPE: ProviderScope = { topic: LEDGER_TOPIC, protocol: LEDGER_PROTOCOL }

export interface ProviderOptions {
  readonly clock?: Clock
  readonly scope?: ProviderScope
}

export class PeerComputeProvider {
  readonly #node: PeerNode
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #scope: ProviderScope
  readonly #banned: BanList
  readonly #sessions = new Set<LedgerSession>()
  readonly #opening = new Set<string>()
  /** Snapshots that some session is being sent. */
  readonly #fetching = new Set<ContentHash>()
  readonly #refused = new Map<Refusal, number>()
  readonly #undo: (() => void | Promise<void>)[] = []
  /** Feeds that grew and of which the neighbours have not been told, with the session that brought them. */
  #fresh = new Map<string, { feed: FeedName; from: LedgerSession | null }>()
  #cancelTelling: (() => void) | undefined
  #records = 0
  #offences = 0
  #stopped = false

  private constructor(node: PeerNode, ledger: Ledger, { clock = systemClock, scope = PUBLIC_SCOPE }: ProviderOptions) {
    this.#scope = scope
    this.#node = node
    this.#ledger = ledger
    this.#clock = clock
    this.#banned = new BanList(clock)
  }

  /** Joins the exchange. The caller keeps node and ledger, and closes them after `stop()`. */
  static async start(node: PeerNode, ledger: Ledger, options: ProviderOptions = {}): Promise<PeerComputeProvider> {
    const provider = new PeerComputeProvider(node, ledger, options)
    await provider.#start()
    return provider
  }

  get stats(): ProviderStats {
    return { sessions: this.#sessions.size, records: this.#records, refused: Object.fromEntries(this.#refused), offences: this.#offences }
  }

  /** Compares heads with every connected peer now. */
  sync(): void {
    for (const session of this.#sessions) session.sayHeads()
    for (const connection of this.#node.getConnections()) void this.#meet(connection)
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#cancelTelling?.()
    for (const undo of this.#undo.reverse()) await undo()
    await Promise.all([...this.#sessions].map((session) => session.close()))
  }

  async #start(): Promise<void> {
    // heads mean something once the stored feeds are back; a broken store is the ledger's to report
    await this.#ledger.ready.catch(() => undefined)
    this.#undo.push(this.#ledger.onAppend((feed, update) => void this.#announce(feed, update)))
    this.#undo.push(
      this.#ledger.onFork((proof) => {
        for (const session of this.#sessions) session.tellFork(proof)
      })
    )
    this.#undo.push(
      this.#ledger.onCheckpoint(() => {
        for (const session of this.#sessions) session.checkpointChanged()
      })
    )
    this.#undo.push(followTopic(this.#node, this.#scope.topic, (data, source) => this.#hear(data, source)))
    this.#undo.push(
      await handleChannel(
        this.#node,
        this.#scope.protocol,
        { limit: LEDGER_FRAME_MAX_BYTES, maxInboundStreams: SESSIONS_PER_CONNECTION },
        (channel) => this.#converse(channel, 'them')
      )
    )
    const topology = await this.#node.register(this.#scope.protocol, {
      notifyOnLimitedConnection: true,
      // whoever dialled opens the stream, so that there is one
      onConnect: (peer, connection) => {
        if (connection.direction === 'outbound') void this.#open(peer)
      }
    })
    this.#undo.push(() => {
      this.#node.unregister(topology)
    })
    this.#repeat()
    // peers that were there before
    this.sync()
  }

  #repeat(): void {
    let cancel: () => void
    const next = (): void => {
      cancel = this.#clock.schedule(ANTI_ENTROPY_MS, () => {
        this.sync()
        next()
      })
    }
    next()
    this.#undo.push(() => {
      cancel()
    })
  }

  /** Opens a session with a peer that is known to speak the protocol and has none. */
  async #meet({ remotePeer, status }: Connection): Promise<void> {
    if (status !== 'open' || this.#inSession(remotePeer.toString())) return
    const known = await this.#node.peerStore.get(remotePeer).catch(() => undefined)
    if (known?.protocols.includes(this.#scope.protocol) === true) await this.#open(remotePeer)
  }

  async #open(peer: PeerId): Promise<void> {
    const remote = peer.toString()
    if (this.#stopped || this.#inSession(remote) || this.#opening.has(remote) || this.#banned.has(remote)) return
    this.#opening.add(remote)
    try {
      const channel = await openChannel(this.#node, remote, this.#scope.protocol, {
        limit: LEDGER_FRAME_MAX_BYTES,
        signal: AbortSignal.timeout(DIAL_TIMEOUT_MS)
      })
      await this.#converse(channel, 'us')
    } catch {
      // gone already, or cut off: the next round of anti-entropy tries whoever is connected then
    } finally {
      this.#opening.delete(remote)
    }
  }

  #inSession(remote: string): boolean {
    return [...this.#sessions].some((session) => session.remote === remote)
  }

  /** Runs one session to its end, and cuts off who lies. Rejects with what ended it, when that was not a goodbye. */
  async #converse(raw: FrameChannel, opener: 'us' | 'them'): Promise<void> {
    if (this.#banned.has(raw.remote)) throw new PeerOffence('banned')
    const channel = this.#scope.wrap?.(raw, opener) ?? raw
    const session = new LedgerSession({
      channel,
      ledger: this.#ledger,
      clock: this.#clock,
      fetching: this.#fetching,
      onAdmission: (feed, admission) => {
        this.#count(feed, admission, session)
      }
    })
    this.#sessions.add(session)
    try {
      await session.run()
      await channel.close()
    } catch (error) {
      session.abort(asError(error))
      if (error instanceof PeerOffence) this.#cutOff(channel.remote)
      throw error
    } finally {
      this.#sessions.delete(session)
      // a snapshot that it was being sent may be asked for elsewhere
      for (const other of this.#sessions) other.checkpointChanged()
    }
  }

  #cutOff(peer: string): void {
    this.#offences += 1
    this.#banned.add(peer)
    for (const connection of this.#node.getConnections()) {
      if (connection.remotePeer.toString() === peer) void connection.close().catch(() => undefined)
    }
  }

  #count(feed: FeedName, admission: Admission, from: LedgerSession | null): void {
    if (admission.applied) {
      this.#records += admission.records
      this.#passOn(feed, from)
    } else {
      this.#refused.set(admission.refusal, (this.#refused.get(admission.refusal) ?? 0) + 1)
    }
  }

  /**
   * Tells the other neighbours of feeds that grew. What came over a stream, gossip does not carry: they hear at once. What came by gossip is
   * mentioned when gossip has settled, for those whom it missed: it forwards nothing to peers that are not in its mesh yet.
   */
  #passOn(feed: FeedName, from: LedgerSession | null): void {
    this.#fresh.set(feedKey(feed), { feed, from })
    if (from !== null) {
      this.#cancelTelling?.()
      this.#cancelTelling = this.#clock.schedule(0, () => {
        this.#tellFresh()
      })
    } else {
      this.#cancelTelling ??= this.#clock.schedule(GOSSIP_SETTLE_MS, () => {
        this.#tellFresh()
      })
    }
  }

  #tellFresh(): void {
    const fresh = [...this.#fresh.values()]
    this.#fresh = new Map()
    this.#cancelTelling = undefined
    for (const session of this.#sessions) {
      const news = fresh.filter(({ from }) => from !== session)
      if (news.length > 0) session.sayHeads(news.map(({ feed }) => feed))
    }
  }

  /** Own records: by gossip when they fit, over the streams to whoever gossip does not reach. */
  async #announce(feed: FeedName, update: Uint8Array): Promise<void> {
    const frame = encodeFrame({ type: 'update', author: feed.author, epoch: feed.epoch }, update)
    const sealed = frame.length <= GOSSIP_MAX_BYTES ? ((await this.#scope.seal?.(frame)) ?? frame) : frame
    const reached = sealed.length <= GOSSIP_MAX_BYTES ? await publishTo(this.#node, this.#scope.topic, sealed) : new Set<string>()
    for (const session of this.#sessions) if (!reached.has(session.remote)) session.push(feed, update)
  }

  async #hear(sealed: Uint8Array, source: string): Promise<Verdict> {
    if (sealed.length > GOSSIP_MAX_BYTES) return 'reject'
    const data = this.#scope.open === undefined ? sealed : await this.#scope.open(sealed)
    if (data === null) return 'ignore'
    const heard = readGossip(data)
    if (heard === null) return 'reject'
    const admission = await this.#ledger.admit(heard.feed, heard.update)
    this.#count(heard.feed, admission, null)
    if (!admission.applied && isOffence(admission.refusal)) this.#offences += 1
    if (!admission.applied && (admission.refusal === 'gap' || admission.refusal === 'chain')) {
      for (const session of this.#sessions) if (session.remote === source) session.ask(heard.feed, admission.refusal === 'gap' ? 'next' : 0)
    }
    return verdictOf(admission)
  }
}

/** Exactly one `update` frame, or null. */
function readGossip(data: Uint8Array): { feed: FeedName; update: Uint8Array } | null {
  if (data.length > GOSSIP_MAX_BYTES) return null
  try {
    const [frame, ...more] = decodeFrames(data, GOSSIP_MAX_BYTES)
    const message = ledgerMessageSchema.safeParse(frame?.message)
    if (frame === undefined || more.length > 0 || !message.success || message.data.type !== 'update') return null
    return { feed: { author: message.data.author, epoch: message.data.epoch }, update: frame.attachment }
  } catch {
    return null
  }
}
