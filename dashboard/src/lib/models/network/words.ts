/** What the network page says of a report, for researchers and operators: exact words, always the same. */
import type { NetworkReport, PeerPath, RelayReport } from '@peercompute/p2p'
import { plural } from '../format.ts'

/** From the best way to the worst. */
const ORDER: readonly PeerPath[] = ['tcp', 'webrtc', 'websocket', 'circuit']

export const PATH_WORDS = {
  webrtc: 'direct, WebRTC',
  tcp: 'direct, TCP',
  websocket: 'WebSocket',
  circuit: 'through the relay',
  none: 'not connected'
} as const satisfies Record<PeerPath | 'none', string>

export function bestPath(paths: readonly PeerPath[]): PeerPath | 'none' {
  return ORDER.find((path) => paths.includes(path)) ?? 'none'
}

export function relayStateWords({ state, reserved }: RelayReport): string {
  switch (state.kind) {
    case 'connected':
      return reserved ? 'connected' : 'connected, no address from it yet'
    case 'connecting':
      return state.attempt === 0 ? 'connecting' : `connecting, attempt ${state.attempt + 1}`
    case 'waiting':
      return `tried again within ${Math.max(1, Math.ceil(state.delayMs / 1_000))} s: ${state.cause}`
    case 'cut':
      return 'cut by hand'
    case 'stopped':
      return 'stopped'
  }
}

/** The state sentence of the page. Null: this tab has no node. */
export function networkSentence(report: NetworkReport | null): string {
  if (report === null) return 'This tab is not connected.'
  const relays = report.relays.filter(({ state }) => state.kind === 'connected').length
  const peers = report.peers.filter(({ relay, paths }) => !relay && paths.length > 0)
  const direct = peers.filter(({ paths }) => paths.includes('webrtc') || paths.includes('tcp')).length
  const how =
    direct === peers.length
      ? peers.length === 1
        ? ', directly'
        : ', all of them directly'
      : direct === 0
        ? ', through the relay'
        : `, ${direct} of them directly`
  if (relays === 0)
    return peers.length === 0
      ? report.relays.some(({ state }) => state.kind === 'connecting')
        ? 'Connecting to the relay.'
        : 'No relay is reached, and no peer.'
      : `The relay is away; ${plural(peers.length, 'peer is', 'peers are')} still connected.`
  const relay = report.relays.length === 1 ? 'the relay' : plural(relays, 'relay', 'relays')
  if (peers.length === 0) return `Connected to ${relay}. No other peer is here.`
  return `Connected to ${relay} and ${plural(peers.length, 'peer', 'peers')}${how}.`
}

/** One sentence under the picture, and for whoever cannot see it. */
export function pictureSummary(report: NetworkReport): string {
  const peers = report.peers.filter(({ relay }) => !relay)
  const by = (path: PeerPath | 'none') => peers.filter(({ paths }) => bestPath(paths) === path).length
  const parts = [
    `${report.relays.filter(({ state }) => state.kind === 'connected').length} of ${plural(report.relays.length, 'relay', 'relays')} connected`,
    ...(['webrtc', 'tcp', 'circuit'] as const).flatMap((path) =>
      by(path) === 0 ? [] : [`${plural(by(path), 'peer', 'peers')} ${PATH_WORDS[path]}`]
    )
  ]
  return `${parts.join(', ')}.`
}

const ADDRESS_KINDS: readonly (readonly [RegExp, string])[] = [
  [/\/webrtc/, 'direct, by WebRTC, arranged through the relay'],
  [/\/p2p-circuit/, 'through the relay']
]

/** What an own address is good for. */
export function addressWords(address: string): string {
  return ADDRESS_KINDS.find(([pattern]) => pattern.test(address))?.[1] ?? 'directly'
}

/** `lab.example:443` of a relay's address: the part that a person knows. */
export function hostOf(address: string): string {
  const [, , host = address, , port] = address.split('/')
  return port === undefined ? host : `${host}:${port}`
}
