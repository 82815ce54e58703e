/** The circuit transport of a client, which reserves an address at every relay that it is told to use, and looks for no others. */
import { circuitRelayTransport, type CircuitRelayTransportComponents } from '@libp2p/circuit-relay-v2'
import { isPeerId, type TopologyFilter, type Transport } from '@libp2p/interface'

type Connections = CircuitRelayTransportComponents['connectionManager']

/**
 * As long as it lacks a reservation, the library walks the DHT and dials everybody who is announced, in the hope of a relay. With one
 * of two relays away, each client would open a circuit to each other one, and ask the relay that is left without pause. Neither is
 * needed: the relays are known, and who connects to one is offered a reservation.
 *
 * Nor does it dial these relays themselves (`relays`: addresses that end in `/p2p/ID`), which their supervisor does: an attempt to
 * reserve that still waited for such a dial when the relay came back kept the new connection without an address for good.
 */
export function circuits(relays: readonly string[]): (components: CircuitRelayTransportComponents) => Transport {
  const own = new Set(relays.map((address) => address.slice(address.lastIndexOf('/') + 1)))
  return (components) =>
    circuitRelayTransport({ discoveryFilter: FORGETFUL })(
      new Proxy(components, {
        get: (target, name): unknown => {
          if (name === 'randomWalk') return { walk: noWalk }
          if (name === 'connectionManager') return standing(target.connectionManager, own)
          const component: unknown = Reflect.get(target, name)
          return name === 'events' && component instanceof EventTarget ? deaf(component, 'peer:discovery') : component
        }
      })
    )
}

// eslint-disable-next-line require-yield -- it finds nobody
async function* noWalk(): AsyncGenerator<never> {
  await Promise.resolve()
}

/** The library asks each relay once, and never again when that failed. One at which there is a reservation is not asked anyway. */
const FORGETFUL: TopologyFilter = { has: () => false, add: () => undefined, remove: () => undefined }

/** The same connections, of which those to the peers of `own` are there or are not. */
function standing(connections: Connections, own: ReadonlySet<string>): Connections {
  const openConnection: Connections['openConnection'] = async (target, options) => {
    if (!isPeerId(target) || !own.has(target.toString())) return connections.openConnection(target, options)
    const open = connections.getConnections(target).find(({ status }) => status === 'open')
    if (open === undefined) throw new Error('The relay is away: its supervisor dials it')
    return open
  }
  return new Proxy(connections, {
    get: (target, name): unknown => {
      if (name === 'openConnection') return openConnection
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    }
  })
}

/** The same events but one. */
function deaf(events: EventTarget, deafTo: string): EventTarget {
  return new Proxy(events, {
    get: (target, name): unknown => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name !== 'addEventListener') return member.bind(target)
      return (type: string, ...rest: unknown[]): void => {
        if (type !== deafTo) Reflect.apply(member, target, [type, ...rest])
      }
    }
  })
}
