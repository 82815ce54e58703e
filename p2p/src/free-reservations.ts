/**
 * A relay gives clients addresses of their own, no more than RELAY_CLIENTS_MAX, and libp2p keeps each for two hours (source), also when its
 * client is gone. Every page that is opened is a new peer: two thousand of them in two hours, and whoever came next had no address.
 */
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { Libp2p } from '@libp2p/interface'

type Relay = Libp2p<{ circuitRelay: CircuitRelayService }>

/** From now on the address of a client is free again as soon as its last connection has closed. It reserves anew when it comes back. */
export function freeReservations(relay: Relay): void {
  const { reservations } = relay.services.circuitRelay
  relay.addEventListener('peer:disconnect', ({ detail: peer }) => {
    // else its end, two hours later, would be that of the next one
    reservations.get(peer)?.signal.clear()
    reservations.delete(peer)
  })
}
