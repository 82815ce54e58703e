/** A network report in sentences: what is not connected, why, and what to do about it. */
import { LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { isPrivate } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { pathOf } from './peer-path.ts'
import type { NetworkReport, PeerReport, RelayReport } from './network-report.ts'

export interface Finding {
  readonly level: 'ok' | 'note' | 'problem'
  readonly sentence: string
  readonly remedy?: string
}

/** At least one finding, problems first. */
export function explainNetwork(report: NetworkReport): Finding[] {
  const findings = [...relayFindings(report), ...peerFindings(report), ...gossipFindings(report)]
  const order = { problem: 0, note: 1, ok: 2 }
  return findings.sort((a, b) => order[a.level] - order[b.level])
}

function relayFindings({ relays, peers }: NetworkReport): Finding[] {
  if (relays.length === 0) {
    return [problem('No relay is known, so nobody can find this peer.', 'Give the address of a relay, or of a coordinator, which is one.')]
  }
  const connected = relays.filter(({ state }) => state.kind === 'connected')
  const reserved = connected.filter((relay) => relay.reserved)
  const findings = relays.flatMap((relay) => absent(relay, connected.length > 0))
  for (const { address } of relays.filter(({ address }) => isInsecure(address))) {
    findings.push(
      note(
        `The relay ${nameOf(address)} is reached without TLS: who listens on the way sees that this peer talks to it, though not what it says.`,
        'Put the relay behind HTTPS; a page loaded over HTTPS may dial no other.'
      )
    )
  }
  if (connected.length > 0 && reserved.length === 0) {
    findings.push(
      problem(
        'A relay is connected, but it has reserved no address for this peer: others cannot dial it.',
        'This takes a second or two after connecting. If it stays so, the relay has no reservation left.'
      )
    )
  }
  if (connected.length === 0 && peers.some(({ relay }) => !relay)) {
    findings.push(note('Without a relay, this peer keeps the peers that it has, and finds no new ones.'))
  }
  if (reserved.length > 0) {
    const pings = reserved.flatMap(({ rttMs }) => (rttMs === null ? [] : [`${Math.round(rttMs)} ms`]))
    findings.push(
      ok(
        `Connected to ${count(reserved.length, 'relay')}${pings.length === 0 ? '' : ` (ping ${pings.join(', ')})`}; others can dial this peer.`
      )
    )
  }
  return findings
}

function absent({ address, state }: RelayReport, others: boolean): Finding[] {
  const level = others ? note : problem
  const name = nameOf(address)
  switch (state.kind) {
    case 'connected':
      return []
    case 'connecting':
      return [note(`The relay ${name} is being dialled.`)]
    case 'waiting':
      return [
        level(
          `The relay ${name} is not connected: ${state.cause.replace(/\.$/, '')}. The next try is at most ${Math.max(1, Math.ceil(state.delayMs / 1_000))} s away.`,
          'Check that it runs, and that no proxy or firewall on the way refuses WebSockets.'
        )
      ]
    case 'cut':
      return [level(`The connection to the relay ${name} was cut by hand.`, 'Connect again.')]
    case 'stopped':
      return [problem(`The relay ${name} is dialled no more: this peer has stopped.`)]
  }
}

function peerFindings(report: NetworkReport): Finding[] {
  const others = report.peers.filter(({ relay }) => !relay)
  if (others.length === 0) return nobody(report)
  const direct = others.filter(isDirect)
  const relayed = others.filter((peer) => !isDirect(peer))
  const findings: Finding[] = []
  if (direct.length > 0) findings.push(ok(`${count(direct.length, 'peer')} connected directly.`))
  if (relayed.length > 0) {
    findings.push(
      note(
        `${count(relayed.length, 'peer')} reached only through a relay, which is slow and carries no blobs. ${whyRelayed(report, relayed)}`
      )
    )
  }
  return findings
}

function nobody(report: NetworkReport): Finding[] {
  if (!report.relays.some(({ state }) => state.kind === 'connected')) return []
  if (report.known === 0) return [note('Nobody else has announced itself here.', 'Open the page on a second device, or wait for others.')]
  return [
    {
      level: report.failures.length > 0 || !report.webRtc ? 'problem' : 'note',
      sentence: `${count(report.known, 'peer')} announced, none connected. ${whyRelayed(report, [])}`,
      ...(report.webRtc ? {} : { remedy: 'Use a browser or a platform with WebRTC; meanwhile everything goes through the relay.' })
    }
  ]
}

/** Why there is no direct connection to these peers, or to anybody. */
function whyRelayed({ webRtc, iceServers, failures }: NetworkReport, peers: readonly PeerReport[]): string {
  if (!webRtc) return 'This runtime has no WebRTC, so it opens no direct connections.'
  const failure = failures.find(({ peer }) => peers.length === 0 || peers.some((other) => other.peer === peer))
  if (failure === undefined) return 'A direct connection is being opened, or the other side has no WebRTC.'
  const cause = `The last direct dial failed: ${failure.cause.replace(/\.$/, '')}.`
  return iceServers > 0
    ? `${cause} A firewall may block UDP, and the STUN or TURN servers did not help.`
    : `${cause} No STUN or TURN server is configured, so only peers of the same network can connect directly.`
}

function gossipFindings({ topics, relays }: NetworkReport): Finding[] {
  const ledger = topics.find(({ topic }) => topic === LEDGER_TOPIC)
  if (ledger === undefined || !relays.some(({ state }) => state.kind === 'connected')) return []
  if (ledger.subscribers === 0) {
    return [note('No connected peer follows the ledger, so news of it does not arrive by gossip.', 'This takes a second after connecting.')]
  }
  if (ledger.mesh === 0) {
    return [
      note('The gossip mesh of the ledger is empty: news arrives late, when peers compare what they hold.', 'It forms within some seconds.')
    ]
  }
  return [ok(`Ledger gossip reaches ${count(ledger.mesh, 'neighbour')}.`)]
}

function isDirect({ paths }: PeerReport): boolean {
  return paths.some((path) => path === 'webrtc' || path === 'tcp')
}

/** Plain WebSocket to somewhere beyond this machine and network. */
function isInsecure(address: string): boolean {
  if (address === '') return false
  const relay = multiaddr(address)
  return pathOf(relay) === 'websocket' && !/\/(tls\/.*ws|wss)(\/|$)/.test(address) && !isPrivate(relay)
}

/** `203.0.113.7:443`, the part that a person knows. */
function nameOf(address: string): string {
  const [, , host = address, , port] = address.split('/')
  return port === undefined ? host : `${host}:${port}`
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}

function ok(sentence: string): Finding {
  return { level: 'ok', sentence }
}
function note(sentence: string, remedy?: string): Finding {
  return { level: 'note', sentence, ...(remedy === undefined ? {} : { remedy }) }
}
function problem(sentence: string, remedy?: string): Finding {
  return { level: 'problem', sentence, ...(remedy === undefined ? {} : { remedy }) }
}
