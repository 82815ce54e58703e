/**
 * The relay processes of `serve --relays N`. Each client is told of one of them, which is then its relay and its way to the scheduler;
 * it is not told of the others, because it would keep a connection and a reservation at each. The relays are connected to each other and to
 * the scheduler's own node, so that gossip and ledger reach everybody, and addresses of one relay's clients can be dialled by another's.
 */
import { join } from 'node:path'
import type { RootId } from '@peercompute/job-specs'
import type { FrameChannel } from '@peercompute/p2p'
import { announceFor } from '@peercompute/p2p/relay'
import type { Clock, Random } from '@peercompute/p2p/time'
import { localOrigins } from '../config/origins.ts'
import type { ServeConfig } from '../config/serve-config.ts'
import { chooseRelay } from './choose-relay.ts'
import { startRelayChild, type RelayChild } from './relay-child.ts'

/** A client that was sent to a relay is not counted there before. */
const ARRIVAL_MS = 10_000
/** A relay that has been down for so long is not waited for: its clients are sent to others. */
const GIVE_UP_MS = 15_000

export interface RelayPlace {
  readonly peerId: string
  readonly addresses: readonly string[]
}

export interface RelayView extends RelayPlace {
  readonly port: number
  readonly up: boolean
  /** Connected libp2p peers, other relays aside. */
  readonly clients: number
  readonly streams: number
  readonly restarts: number
  readonly pid: number | undefined
}

export interface RelayPool {
  readonly relays: readonly RelayView[]
  /** `near`: PeerId of the relay that the client had before. Null when all have been down for long. */
  placeFor(client: string, near?: string): RelayPlace | null
  /** Ends all connections of a peer, wherever it is. */
  cut(peer: string, why: string): void
  close(): Promise<void>
}

export interface RelayPoolInit {
  readonly config: Pick<ServeConfig, 'relays' | 'relayPort' | 'relayUrls' | 'port' | 'publicUrl' | 'host' | 'trustProxy' | 'subnetQuota'>
  /** Port of the scheduler, whose successors the relays take. */
  readonly port: number
  readonly dataDir: string
  readonly root: RootId
  /** The scheduler's own node. */
  readonly scheduler: RelayPlace
  readonly serve: (channel: FrameChannel, subnet: string) => Promise<void>
  readonly clock: Clock
  readonly random: Random
  readonly onTrouble: (sentence: string) => void
}

/** Resolves when all of them are up. Throws what the first that cannot start says, e.g. PORT_IN_USE; none is left then. */
export async function startRelayPool(init: RelayPoolInit): Promise<RelayPool> {
  const { config, clock } = init
  const arrivals = new Map<RelayChild, number[]>()
  const children = Array.from({ length: config.relays }, (_, index) => startOne(index))

  function startOne(index: number): RelayChild {
    const port = portOf(init, index)
    const publicUrl = publicUrlOf(config, index, port)
    return startRelayChild({
      start: {
        type: 'start',
        port,
        host: config.host,
        dataDir: join(init.dataDir, 'relays', String(index + 1)),
        ...(publicUrl === undefined ? {} : { publicUrl }),
        trustProxy: config.trustProxy,
        subnetQuota: config.subnetQuota,
        coordinatorRoot: init.root
      },
      serve: init.serve,
      clock,
      random: init.random,
      onReady: () => {
        introduce(index)
      },
      onTrouble: (sentence) => {
        init.onTrouble(`relay ${index + 1}: ${sentence}`)
      }
    })
  }

  /** Each dials those before it; a relay that comes back is dialled by those after it, and dials anew. */
  function introduce(index: number): void {
    const scheduler = { port: init.port, peerId: init.scheduler.peerId }
    const others = [scheduler, ...children.map(({ place }) => place).filter((place, other) => place !== null && other !== index)]
    const before = [scheduler, ...children.slice(0, index).map(({ place }) => place)]
    children[index]?.tell({
      type: 'neighbours',
      addresses: before.flatMap((place) => (place === null ? [] : [localAddress(config.host, place)])),
      peers: others.flatMap((place) => (place === null ? [] : [place.peerId]))
    })
  }

  async function close(): Promise<void> {
    await Promise.all(children.map((child) => child.close()))
  }

  function loadOf(child: RelayChild): number {
    const recent = (arrivals.get(child) ?? []).filter((at) => clock.now() - at < ARRIVAL_MS)
    arrivals.set(child, recent)
    return child.clients + recent.length
  }

  try {
    await Promise.all(children.map(({ ready }) => ready))
  } catch (error) {
    await close()
    throw error
  }
  // Those that were up before the ones that they dial have heard of some only.
  for (const index of children.keys()) introduce(index)

  return {
    get relays() {
      return children.flatMap(({ place, downSince, clients, streams, restarts, pid }) =>
        place === null ? [] : [{ ...place, up: downSince === null, clients, streams, restarts, pid }]
      )
    },
    placeFor(client, near) {
      const known = children.flatMap((child) => (child.place === null ? [] : [{ child, ...child.place }]))
      const had = known.find(({ peerId }) => peerId === near)
      if (had !== undefined && (had.child.downSince === null || clock.now() - had.child.downSince < GIVE_UP_MS)) return had
      const up = known.filter(({ child }) => child.downSince === null).map((relay) => ({ ...relay, load: loadOf(relay.child) }))
      const chosen = chooseRelay(up, client)
      if (chosen !== null) arrivals.get(chosen.child)?.push(clock.now())
      return chosen
    },
    cut(peer, why) {
      for (const child of children) child.tell({ type: 'cut', peer, why })
    },
    close
  }
}

function portOf({ config, port }: RelayPoolInit, index: number): number {
  if (config.relayPort === undefined) return config.port === 0 ? 0 : port + 1 + index
  return config.relayPort === 0 ? 0 : config.relayPort + index
}

/** Behind a proxy that ends TLS each relay has an origin of its own; without TLS it is the coordinator's host under the relay's port. */
function publicUrlOf({ relayUrls, publicUrl }: RelayPoolInit['config'], index: number, port: number): string | undefined {
  if (relayUrls.length > 0) return relayUrls[index]
  if (publicUrl === undefined) return undefined
  const url = new URL(publicUrl)
  url.port = String(port)
  return url.origin
}

/** Under which the other relays, on this machine, reach it. */
function localAddress(host: string, { port, peerId }: { readonly port: number; readonly peerId: string }): string {
  return `${announceFor(localOrigins(host, port)[0] ?? `http://127.0.0.1:${port}`)}/p2p/${peerId}`
}
