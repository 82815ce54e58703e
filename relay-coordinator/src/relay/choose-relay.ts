/** Which of the coordinator's relays a client is sent to. */
import { hash } from 'node:crypto'

export interface RelayLoad {
  readonly peerId: string
  /** Clients that it has, and those that were sent to it a moment ago. */
  readonly load: number
}

/** More than the average by this factor, and a relay is passed over. */
const BALANCE = 1.25

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016) over rendezvous hashing: a client is sent to the same
 * relay again, whatever becomes of the others, unless that one has more than its share. `client`: what it is known by, its address.
 */
export function chooseRelay<Relay extends RelayLoad>(relays: readonly Relay[], client: string): Relay | null {
  const total = relays.reduce((sum, { load }) => sum + load, 0)
  const share = Math.ceil((BALANCE * (total + 1)) / relays.length)
  const byPreference = relays
    .map((relay) => ({ relay, rank: hash('sha256', `${relay.peerId} ${client}`) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
  return (byPreference.find(({ relay }) => relay.load < share) ?? byPreference[0])?.relay ?? null
}
