import { LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { describe, expect, it } from 'vitest'
import { explainNetwork } from './explain-network.ts'
import type { NetworkReport, PeerReport, RelayReport } from './network-report.ts'

const RELAY = '/dns4/lab.example/tcp/443/tls/ws/p2p/12D3KooWQjXJfBhcEmR1NR1vCpRnTLrk6Xw9XyMQ8T1vVfMM6Uy2'
const relay = (change: Partial<RelayReport> = {}): RelayReport => ({
  address: RELAY,
  state: { kind: 'connected', peer: 'relay', address: RELAY },
  rttMs: 12.4,
  reserved: true,
  ...change
})
const waiting: RelayReport['state'] = { kind: 'waiting', attempt: 3, delayMs: 3_200, cause: 'The connection was refused.' }
const peer = (change: Partial<PeerReport> = {}): PeerReport => ({
  peer: 'other',
  paths: ['webrtc'],
  direction: 'outbound',
  relay: false,
  mesh: true,
  ledger: true,
  ...change
})
const ledger = { topic: LEDGER_TOPIC, subscribers: 2, mesh: 2 }
const healthy: NetworkReport = {
  peer: 'me',
  webRtc: true,
  iceServers: 0,
  addresses: [`${RELAY}/p2p-circuit/p2p/me`],
  relays: [relay()],
  peers: [peer()],
  known: 1,
  topics: [ledger],
  failures: []
}
const failure = { peer: 'other', at: 0, cause: 'signal timed out' }

describe('explainNetwork', () => {
  it('says what works', () => {
    expect(explainNetwork(healthy)).toEqual([
      { level: 'ok', sentence: 'Connected to 1 relay (ping 12 ms); others can dial this peer.' },
      { level: 'ok', sentence: '1 peer connected directly.' },
      { level: 'ok', sentence: 'Ledger gossip reaches 2 neighbours.' }
    ])
  })

  it.each<[string, Partial<NetworkReport>, string, RegExp]>([
    ['no relay at all', { relays: [], peers: [] }, 'problem', /No relay is known/],
    [
      'a relay that does not answer',
      { relays: [relay({ state: waiting, reserved: false })], peers: [] },
      'problem',
      /lab\.example:443 is not connected: The connection was refused\. The next try is at most 4 s away/
    ],
    ['one of two relays away', { relays: [relay(), relay({ state: waiting })] }, 'note', /is not connected: The connection was refused\./],
    [
      'a relay that is being dialled',
      { relays: [relay({ state: { kind: 'connecting', attempt: 0 } })], peers: [] },
      'note',
      /is being dialled/
    ],
    ['a relay that was cut', { relays: [relay({ state: { kind: 'cut' } })], peers: [] }, 'problem', /was cut by hand/],
    ['a stopped node', { relays: [relay({ state: { kind: 'stopped' } })], peers: [] }, 'problem', /has stopped/],
    ['a relay without a reservation', { relays: [relay({ reserved: false })] }, 'problem', /reserved no address/],
    ['peers but no relay', { relays: [relay({ state: waiting, reserved: false })] }, 'note', /keeps the peers that it has/],
    [
      'a relay without TLS',
      { relays: [relay({ address: '/dns4/lab.example/tcp/80/ws' })] },
      'note',
      /lab\.example:80 is reached without TLS/
    ],
    ['nobody else', { peers: [], known: 0 }, 'note', /Nobody else has announced itself/],
    ['peers under way', { peers: [], known: 3 }, 'note', /^3 peers announced, none connected\. A direct connection is being opened/],
    ['no WebRTC', { peers: [], known: 3, webRtc: false }, 'problem', /no WebRTC/],
    [
      'failed dials without ICE servers',
      { peers: [], known: 1, failures: [failure] },
      'problem',
      /signal timed out\. No STUN or TURN server/
    ],
    ['failed dials with ICE servers', { peers: [], known: 1, failures: [failure], iceServers: 1 }, 'problem', /A firewall may block UDP/],
    [
      'a peer by circuit only, being upgraded',
      { peers: [peer({ paths: ['circuit'] })] },
      'note',
      /^1 peer reached only through a relay.*being opened/
    ],
    [
      'a peer by circuit only, for a reason',
      { peers: [peer({ paths: ['circuit'] })], failures: [{ ...failure, peer: 'someone else' }, failure] },
      'note',
      /reached only through a relay.*signal timed out.*same network/
    ],
    [
      'a peer by circuit only, without WebRTC',
      { peers: [peer({ paths: ['circuit'] })], webRtc: false },
      'note',
      /relay, which is slow.*no WebRTC/
    ],
    ['nobody who follows the ledger', { topics: [{ ...ledger, subscribers: 0, mesh: 0 }] }, 'note', /No connected peer follows the ledger/],
    ['an empty mesh', { topics: [{ ...ledger, mesh: 0 }] }, 'note', /gossip mesh of the ledger is empty/]
  ])('explains %s', (_name, change, level, sentence) => {
    const finding = explainNetwork({ ...healthy, ...change }).find((candidate) => sentence.test(candidate.sentence))
    expect(finding?.level).toBe(level)
  })

  it('puts problems first', () => {
    const levels = explainNetwork({ ...healthy, relays: [relay({ reserved: false })], topics: [{ ...ledger, mesh: 0 }] }).map(
      ({ level }) => level
    )
    expect(levels).toEqual(['problem', 'note', 'ok'])
  })

  it.each(['/ip4/192.168.1.4/tcp/80/ws', '/ip4/127.0.0.1/tcp/80/ws', '/dns4/lab.example/tcp/443/wss', ''])(
    'has nothing against the relay address "%s"',
    (address) => {
      expect(explainNetwork({ ...healthy, relays: [relay({ address })] }).every(({ level }) => level === 'ok')).toBe(true)
    }
  )
})
