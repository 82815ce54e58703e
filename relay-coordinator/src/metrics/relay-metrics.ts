/** What is counted of the relay processes. Their number is small and fixed, so each has a label. */
import { Gauge, type Registry } from 'prom-client'
import type { RelayView } from '../relay/relay-pool.ts'

export function registerRelayMetrics(registry: Registry, relays: () => readonly RelayView[]): void {
  const gauge = (name: string, help: string, valueOf: (relay: RelayView) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['relay'],
      registers: [registry],
      collect() {
        for (const [index, relay] of relays().entries()) this.set({ relay: index + 1 }, valueOf(relay))
      }
    })
  }
  gauge('peercompute_relay_up', 'Whether the relay process is up (1) or being started again (0).', ({ up }) => (up ? 1 : 0))
  gauge('peercompute_relay_clients', 'Peers that are connected to the relay process, other relays aside.', ({ clients }) => clients)
  gauge('peercompute_relay_work_streams', 'Work streams that end in the relay process.', ({ streams }) => streams)
  gauge('peercompute_relay_restarts', 'How often the relay process was started again.', ({ restarts }) => restarts)
}
