/** Many peers at one relay, in as few processes as hold them, all from one address. */
import { performance } from 'node:perf_hooks'
import type { Lab } from './lab.ts'
import type { RemotePeer } from './peer/test-peer.ts'
import type { TestRelay } from './relay-process.ts'
import { until } from './until.ts'

export const CROWD_TOPIC = 'peercompute/test'
const PER_PROCESS = 25

/** Peers without WebRTC and without a ledger. They all join at once. */
export async function startCrowd(lab: Lab, relay: TestRelay, count: number): Promise<readonly RemotePeer[]> {
  const processes = await Promise.all(Array.from({ length: Math.ceil(count / PER_PROCESS) }, () => lab.process()))
  const peers = processes.flatMap((one, index) =>
    Array.from({ length: Math.min(PER_PROCESS, count - index * PER_PROCESS) }, () => one.peer())
  )
  await Promise.all(peers.map((peer) => peer.call('join', { relays: [relay.address], webRtc: false, ledger: false })))
  return peers
}

async function all(peers: readonly RemotePeer[], holds: (peer: RemotePeer) => Promise<boolean>): Promise<boolean> {
  return (await Promise.all(peers.map(holds))).every(Boolean)
}

/** Waits until every peer has an open connection to the relay. Resolves with the milliseconds that it took. */
export async function crowdConnected(peers: readonly RemotePeer[], relay: TestRelay, timeoutMs: number): Promise<number> {
  const started = performance.now()
  await until(
    `${peers.length} connections`,
    () =>
      all(peers, async (peer) =>
        (await peer.call('connections')).some((one) => one.peer === relay.peer && one.path === 'relay' && one.status === 'open')
      ),
    timeoutMs
  )
  return performance.now() - started
}

/** Waits until every peer can be reached through the relay, and knows that the relay follows the crowd's topic. */
export async function crowdReady(peers: readonly RemotePeer[], relay: TestRelay, timeoutMs: number): Promise<void> {
  await Promise.all(peers.map((peer) => peer.call('follow', CROWD_TOPIC)))
  await until(
    `${peers.length} reservations`,
    () => all(peers, async (peer) => (await peer.call('addresses')).some((address) => address.includes('/p2p-circuit'))),
    timeoutMs
  )
  await until(
    `${peers.length} subscriptions`,
    () => all(peers, async (peer) => (await peer.call('subscribers', CROWD_TOPIC)).includes(relay.peer)),
    timeoutMs
  )
}

/**
 * Lets the first `speakers` peers publish one message each. Resolves when everybody has heard all that the others said; rejects with the
 * number that arrived when that does not happen in time.
 */
export async function everybodyHears(peers: readonly RemotePeer[], speakers: number, timeoutMs: number): Promise<void> {
  const word = `word-${performance.now()}-`
  for (const [index, peer] of peers.slice(0, speakers).entries()) await peer.call('publish', CROWD_TOPIC, `${word}${index}`)
  const expected = speakers * (peers.length - 1)
  let arrived = 0
  await until(
    'every message at every peer',
    async () => {
      const heard = await Promise.all(peers.map((peer) => peer.call('heard')))
      arrived = heard.flat().filter((text) => text.startsWith(word)).length
      return arrived === expected
    },
    timeoutMs
  ).catch((cause: unknown) => {
    throw new Error(`${arrived} of ${expected} messages arrived`, { cause })
  })
}
