/** The relay process of a part, and what the part asks it. */
import { generatePeerKey } from '@peercompute/p2p'
import { startChild, type Child } from '@peercompute/tests/child'
import type { Run } from '../bench.ts'
import type { RelayCommands } from './relay-process.ts'

export interface Relay {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly process: Child<RelayCommands>
  /** Kills the process at once; `back` starts another on the same port with the same key, and says when it took connections. */
  away(): Promise<{ readonly back: () => Promise<{ relay: Relay; listeningAt: number }> }>
}

export async function startRelay(run: Run): Promise<Relay> {
  return (await start(run, await spawn(run), { peerKey: await generatePeerKey(), port: 0 })).relay
}

async function spawn(run: Run): Promise<Child<RelayCommands>> {
  const child = await startChild<RelayCommands>(new URL('relay-process.ts', import.meta.url))
  run.after(() => child.kill())
  return child
}

async function start(
  run: Run,
  child: Child<RelayCommands>,
  place: { peerKey: Uint8Array; port: number }
): Promise<{ relay: Relay; listeningAt: number }> {
  const { port, peerId, addresses, listeningAt } = await child.call('start', place)
  return {
    listeningAt,
    relay: {
      peerId,
      addresses,
      process: child,
      async away() {
        await child.kill()
        // loaded while the relay is away, so that its return is one moment
        const next = await spawn(run)
        return { back: () => start(run, next, { ...place, port }) }
      }
    }
  }
}
