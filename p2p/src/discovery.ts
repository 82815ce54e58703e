/** Discovery by gossip: every client tells the others, from time to time, who it is and where. */
import { PubSubPeerDiscovery, type Message, type PubSubPeerDiscoveryComponents } from '@libp2p/pubsub-peer-discovery'
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { announceIntervalMs } from './announce-interval.ts'
import { authorOf, encodeAnnouncement } from './announcement.ts'
import { ALONE, type Crowd } from './redial-delay.ts'
import { ANNOUNCEMENT_FRESH_MS } from './settings.ts'
import { systemClock, type Clock, type Random } from './time/clock.ts'
import type { Libp2pEvents, TypedEventTarget } from '@libp2p/interface'

/** The library's own timer is not used: its interval cannot change. The longest that a timer takes, 24 days. */
const NEVER_MS = 2 ** 31 - 1
/** Who was not heard for so many of the intervals in which it should have spoken is gone. */
const MISSED = 3
const FORGET_AFTER_MS = 30_000
/** Beyond that, somebody makes peers up. */
const HEARD_MAX = 10_000

/** A crowd that has grown so much needs another pace: the interval grows with the third power. */
const GROWTH = 1.25

interface Components extends PubSubPeerDiscoveryComponents {
  readonly events: TypedEventTarget<Libp2pEvents>
}

export interface DiscoveryOptions {
  readonly clock?: Clock
  readonly random?: Random
}

interface Heard {
  readonly at: number
  /** The announcement that was read last, and when. */
  readonly text: string
  readonly readAt: number
}

/** The wire format and the reading are the library's; the pace is ours. Relays introduce peers as well: see relay-peers.ts. */
export class Discovery extends PubSubPeerDiscovery {
  readonly #own: Components
  readonly #clock: Clock
  readonly #random: Random
  /** By PeerId, the one that was heard the longest ago first. */
  readonly #heard = new Map<string, Heard>()
  /** What each relay said last of its clients, kept when it is lost: that is when it is needed. */
  readonly #told = new Map<string, Crowd>()
  #cancel: () => void = () => undefined
  /** The crowd for which the next announcement was scheduled. */
  #pacedFor = 1
  #announced = ''

  constructor(components: Components, { clock = systemClock, random = Math.random }: DiscoveryOptions = {}) {
    super(components, { topics: [DISCOVERY_TOPIC], interval: NEVER_MS })
    this.#own = components
    this.#clock = clock
    this.#random = random
    this.addEventListener('peer', ({ detail }) => {
      this.#hear(detail.id.toString())
    })
  }

  override afterStart(): void {
    super.afterStart()
    this.#own.events.addEventListener('self:peer:update', this.#onSelf)
    this.#next()
  }

  override beforeStop(): void {
    this.#own.events.removeEventListener('self:peer:update', this.#onSelf)
    this.#cancel()
    super.beforeStop()
  }

  override _onMessage(event: CustomEvent<Message>): void {
    if (event.detail.topic === DISCOVERY_TOPIC) this.#read(event.detail.data)
  }

  /** Tells the others about this peer now. */
  announce(): void {
    this.#cancel()
    this.#announced = this.#addresses()
    this._broadcast()
    this.#next()
  }

  /**
   * What a relay said: its clients as it knows them, and announcements of some. They are as good as the relay is: whoever dials
   * finds out whether the peer is there.
   */
  introduced(relay: string, crowd: Crowd, announcements: readonly Uint8Array[]): void {
    this.#told.set(relay, crowd)
    // the pace was meant for few, and many have come
    if (this.crowd().size > GROWTH * this.#pacedFor) this.#soon()
    for (const data of announcements) this.#read(data)
  }

  /** What this peer says of itself; null while it has no address. */
  announcement(): Uint8Array | null {
    const { peerId, addressManager } = this.#own
    const addresses = addressManager.getAddresses().map(({ bytes }) => bytes)
    return addresses.length === 0 || peerId.publicKey === undefined ? null : encodeAnnouncement(peerId.publicKey, addresses)
  }

  /** PeerIds that were heard lately. */
  known(): readonly string[] {
    const crowd = Math.max(this.#heard.size + 1, this.#largest().size)
    const oldest = this.#clock.now() - Math.max(FORGET_AFTER_MS, MISSED * announceIntervalMs(crowd))
    for (const [peer, { at }] of this.#heard) {
      if (at >= oldest) break
      this.#heard.delete(peer)
    }
    return [...this.#heard.keys()]
  }

  /** This peer among those that it knows, or among the clients of its largest relay, who may be more. */
  crowd(): Crowd {
    const known = this.known()
    const told = this.#largest()
    if (told.size > known.length) return told
    const self = this.#own.peerId.toString()
    return { size: known.length + 1, rank: known.filter((peer) => peer < self).length }
  }

  #largest(): Crowd {
    return [...this.#told.values()].reduce((most, crowd) => (crowd.size > most.size ? crowd : most), ALONE)
  }

  /** Most announcements say again what is known; to read each of them anew was half of what a client did in a crowd (measured). */
  #read(data: Uint8Array): void {
    const peer = this.isStarted() ? authorOf(data) : null
    if (peer === null) return
    const text = String.fromCharCode(...data)
    const before = this.#heard.get(peer)
    if (before?.text === text && this.#clock.now() - before.readAt < ANNOUNCEMENT_FRESH_MS) {
      this.#hear(peer)
    } else {
      super._onMessage(new CustomEvent('message', { detail: { topic: DISCOVERY_TOPIC, data } }))
      this.#hear(peer, { text, readAt: this.#clock.now() })
    }
  }

  #hear(peer: string, read?: Pick<Heard, 'text' | 'readAt'>): void {
    if (peer === this.#own.peerId.toString()) return
    const { text, readAt } = read ?? this.#heard.get(peer) ?? { text: '', readAt: 0 }
    this.#heard.delete(peer)
    if (this.#heard.size < HEARD_MAX) this.#heard.set(peer, { at: this.#clock.now(), text, readAt })
  }

  /** Uneven, so that clients that came together do not speak together for ever. */
  #next(): void {
    this.#schedule(0.75 + this.#random() / 2)
  }

  /** Relays introduce a newcomer at once, so gossip need not: all of a crowd that comes together would have to hear all of it. */
  #soon(): void {
    this.#schedule(this.#random())
  }

  #schedule(intervals: number): void {
    this.#cancel()
    this.#pacedFor = this.crowd().size
    this.#cancel = this.#clock.schedule(announceIntervalMs(this.#pacedFor) * intervals, () => {
      this.announce()
    })
  }

  readonly #onSelf = (): void => {
    if (this.#addresses() !== this.#announced) this.#soon()
  }

  #addresses(): string {
    return this.#own.addressManager.getAddresses().join(' ')
  }
}
