/** What happened on the network page, newest first, bounded. */
import type { NetworkReport } from '@peercompute/p2p'
import { shortPeer } from './picture.ts'
import { bestPath, PATH_WORDS, relayStateWords } from './words.ts'

export const LOG_MAX = 200

export interface LogEntry {
  readonly id: number
  readonly atMs: number
  readonly text: string
}

export function added(log: readonly LogEntry[], atMs: number, texts: readonly string[]): readonly LogEntry[] {
  const first = (log[0]?.id ?? 0) + 1
  const fresh = texts.map((text, index) => ({ id: first + index, atMs, text }))
  return [...fresh.reverse(), ...log].slice(0, LOG_MAX)
}

/** What differs between two reports, in sentences. Without an earlier one nothing happened yet. */
export function differences(before: NetworkReport | null, after: NetworkReport): string[] {
  if (before === null) return []
  const relays = after.relays.flatMap((relay) => {
    const earlier = before.relays.find(({ address }) => address === relay.address)
    const now = relayStateWords(relay)
    return earlier === undefined || relayStateWords(earlier) === now ? [] : [`Relay: ${now}.`]
  })
  const earlier = new Map(before.peers.filter(({ relay }) => !relay).map((peer) => [peer.peer, peer]))
  const peers = after.peers
    .filter(({ relay }) => !relay)
    .flatMap((peer) => {
      const was = earlier.get(peer.peer)
      earlier.delete(peer.peer)
      const [path, old] = [bestPath(peer.paths), was === undefined ? 'none' : bestPath(was.paths)]
      const name = `Peer ${shortPeer(peer.peer)}`
      return [
        ...(path === old ? [] : [path === 'none' ? `${name} is gone.` : `${name}: ${PATH_WORDS[path]}.`]),
        ...(peer.mesh && was?.mesh !== true ? [`${name} is in the gossip mesh.`] : [])
      ]
    })
  const gone = [...earlier.values()].filter(({ paths }) => paths.length > 0).map(({ peer }) => `Peer ${shortPeer(peer)} is gone.`)
  const failures = after.failures
    .filter(({ peer, at }) => !before.failures.some((old) => old.peer === peer && old.at === at))
    .map(({ peer, cause }) => `Peer ${shortPeer(peer)} was not reached: ${cause}`)
  const addresses = after.addresses.length !== before.addresses.length ? [`This tab has ${after.addresses.length} addresses now.`] : []
  return [...relays, ...addresses, ...peers, ...gone, ...failures]
}
