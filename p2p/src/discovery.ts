/** Discovery by gossip: every client tells the others, from time to time, who it is and where. */
import { publicKeyFromProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { PubSubPeerDiscovery, type PubSubPeerDiscoveryComponents } from '@libp2p/pubsub-peer-discovery'
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { announceIntervalMs } from './announce-interval.ts'
import { DISCOVERY_MAX_BYTES } from './settings.ts'
import { systemClock, type Clock, type Random } from './time/clock.ts'
import type { GossipValidator } from './gossip.ts'
import type { Crowd } from './redial-delay.ts'
import type { Libp2pEvents, TypedEventTarget } from '@libp2p/interface'

/** The library's own timer is not used: its interval cannot change. The longest that a timer takes, 24 days. */
const NEVER_MS = 2 ** 31 - 1
/** New addresses are told soon, but not once for each of several that come together. */
const SOON_MS = 100
/** Who was not heard for so many of the intervals in which it should have spoken is gone. */
const MISSED = 3
const FORGET_AFTER_MS = 30_000
/** Beyond that, somebody makes peers up. */
const HEARD_MAX = 10_000

interface Components extends PubSubPeerDiscoveryComponents {
  readonly events: TypedEventTarget<Libp2pEvents>
}

export interface DiscoveryOptions {
  readonly clock?: Clock
  readonly random?: Random
}

/** The wire format and the reading are the library's; the pace is ours. */
export class Discovery extends PubSubPeerDiscovery {
  readonly #own: Components
  readonly #clock: Clock
  readonly #random: Random
  /** When each peer was heard last, the oldest first. */
  readonly #heard = new Map<string, number>()
  #cancel: () => void = () => undefined
  #told = ''

  constructor(components: Components, { clock = systemClock, random = Math.random }: DiscoveryOptions = {}) {
    super(components, { topics: [DISCOVERY_TOPIC], interval: NEVER_MS })
    this.#own = components
    this.#clock = clock
    this.#random = random
    this.addEventListener('peer', ({ detail }) => {
      const peer = detail.id.toString()
      this.#heard.delete(peer)
      if (this.#heard.size < HEARD_MAX) this.#heard.set(peer, this.#clock.now())
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

  /** Tells the others about this peer now. */
  announce(): void {
    this.#cancel()
    this.#told = this.#addresses()
    this._broadcast()
    this.#next()
  }

  /** PeerIds that were heard lately. */
  known(): readonly string[] {
    const oldest = this.#clock.now() - Math.max(FORGET_AFTER_MS, MISSED * announceIntervalMs(this.#heard.size + 1))
    for (const [peer, at] of this.#heard) {
      if (at >= oldest) break
      this.#heard.delete(peer)
    }
    return [...this.#heard.keys()]
  }

  /** This peer among those that it knows. */
  crowd(): Crowd {
    const known = this.known()
    const self = this.#own.peerId.toString()
    return { size: known.length + 1, rank: known.filter((peer) => peer < self).length }
  }

  /** Uneven, so that clients that came together do not speak together for ever. */
  #next(): void {
    const pause = announceIntervalMs(this.known().length + 1) * (0.75 + this.#random() / 2)
    this.#cancel = this.#clock.schedule(pause, () => {
      this.announce()
    })
  }

  readonly #onSelf = (): void => {
    if (this.#addresses() === this.#told) return
    this.#cancel()
    this.#cancel = this.#clock.schedule(this.#random() * SOON_MS, () => {
      this.announce()
    })
  }

  #addresses(): string {
    return this.#own.addressManager.getAddresses().join(' ')
  }
}

/**
 * Lets only announcements through that name their own author: a peer cannot invent others. The form is protobuf: field 1, 36 bytes
 * of public key, before anything else.
 */
export const ownAnnouncement: GossipValidator = (data, _source, author) => {
  if (data.length > DISCOVERY_MAX_BYTES || data[0] !== 0x0a) return 'reject'
  const end = 2 + (data[1] ?? 0)
  try {
    return peerIdFromPublicKey(publicKeyFromProtobuf(data.subarray(2, end))).toString() === author ? 'accept' : 'reject'
  } catch {
    return 'reject'
  }
}
