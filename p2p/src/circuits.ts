/** The circuit transport of a client, which reserves an address at every relay that it is told to use, and looks for no others. */
import { circuitRelayTransport, type CircuitRelayTransportComponents } from '@libp2p/circuit-relay-v2'
import type { Transport } from '@libp2p/interface'

/**
 * As long as it lacks a reservation, the library walks the DHT and dials everybody who is announced, in the hope of a relay. With one
 * of two relays away, each client would open a circuit to each other one, and ask the relay that is left without pause. Neither is
 * needed: the relays are known, and who connects to one is offered a reservation.
 */
export function circuits(): (components: CircuitRelayTransportComponents) => Transport {
  return (components) =>
    circuitRelayTransport()(
      new Proxy(components, {
        get: (target, name): unknown => {
          if (name === 'randomWalk') return { walk: noWalk }
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
