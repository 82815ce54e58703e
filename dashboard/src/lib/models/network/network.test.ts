import { describe, expect, it } from 'vitest'
import type { NetworkReport, PeerReport } from '@peercompute/p2p'
import { fixtureReport } from '../../../../dev/fixture-network.ts'
import { added, differences, LOG_MAX } from './event-log.ts'
import { networkPicture, shortPeer } from './picture.ts'
import { storageSentence } from './storage-words.ts'
import { addressWords, bestPath, hostOf, networkSentence, pictureSummary, relayStateWords } from './words.ts'

/** Numbers stand beside their nouns by a no-break space. */
const plain = (text: string): string => text.replaceAll('\u00a0', ' ')

const sentenceOf = (report: NetworkReport | null): string => plain(networkSentence(report))

const alone: NetworkReport = {
  ...fixtureReport,
  peers: fixtureReport.peers.filter(({ relay }) => relay),
  relays: fixtureReport.relays.slice(0, 1),
  failures: []
}
const peerOf = (name: string, paths: PeerReport['paths']): PeerReport => ({
  peer: name,
  paths,
  direction: 'inbound',
  relay: false,
  mesh: false,
  ledger: true
})
const with_ = (...peers: PeerReport[]): NetworkReport => ({ ...alone, peers: [...alone.peers, ...peers] })
const away: NetworkReport = {
  ...alone,
  peers: [],
  relays: alone.relays.map((relay) => ({
    ...relay,
    state: { kind: 'waiting', attempt: 2, delayMs: 4_200, cause: 'the connection closed' },
    reserved: false,
    rttMs: null
  }))
}

describe('the state sentence', () => {
  it('says who is connected, and how', () => {
    expect(sentenceOf(null)).toBe('This tab is not connected.')
    expect(sentenceOf(alone)).toBe('Connected to the relay. No other peer is here.')
    expect(sentenceOf(with_(peerOf('a', ['webrtc'])))).toBe('Connected to the relay and 1 peer, directly.')
    expect(sentenceOf(with_(peerOf('a', ['circuit']), peerOf('b', ['circuit', 'webrtc'])))).toBe(
      'Connected to the relay and 2 peers, 1 of them directly.'
    )
    expect(sentenceOf(with_(peerOf('a', ['circuit'])))).toBe('Connected to the relay and 1 peer, through the relay.')
  })

  it('says what is left when the relay is away', () => {
    expect(sentenceOf(away)).toBe('No relay is reached, and no peer.')
    expect(sentenceOf({ ...away, peers: [peerOf('a', ['webrtc'])] })).toBe('The relay is away; 1 peer is still connected.')
  })

  it('counts no peer that is known only', () => {
    expect(sentenceOf(with_(peerOf('a', [])))).toBe('Connected to the relay. No other peer is here.')
  })
})

it('names the best of several ways, and what an address is good for', () => {
  expect(bestPath(['circuit', 'webrtc'])).toBe('webrtc')
  expect(bestPath([])).toBe('none')
  expect(addressWords(fixtureReport.addresses[0] ?? '')).toBe('through the relay')
  expect(addressWords(fixtureReport.addresses[1] ?? '')).toMatch(/^direct, by WebRTC/)
  expect(addressWords('/ip4/192.0.2.1/tcp/4001')).toBe('directly')
  expect(hostOf(fixtureReport.relays[1]?.address ?? '')).toBe('relay.lab.example:443')
})

it('gives every state of a relay its words', () => {
  const relay = alone.relays[0]
  if (relay === undefined) throw new Error('The fixture has no relay')
  expect(relayStateWords(relay)).toBe('connected')
  expect(relayStateWords({ ...relay, reserved: false })).toBe('connected, no address from it yet')
  expect(relayStateWords({ ...relay, state: { kind: 'waiting', attempt: 1, delayMs: 250, cause: 'x' } })).toBe('tried again within 1 s: x')
  expect(relayStateWords({ ...relay, state: { kind: 'cut' } })).toBe('cut by hand')
})

describe('the picture', () => {
  it('keeps everything inside and apart, from 320 px up', () => {
    for (const width of [320, 700, 1_200]) {
      for (const count of [0, 1, 5, 60]) {
        const peers = Array.from({ length: count }, (_, index) => peerOf(`peer-${index}`, ['webrtc']))
        const { others, hidden, height } = networkPicture({ ...alone, peers }, width)
        expect(others.length - 1 + hidden).toBe(count)
        for (const { x, y } of others) {
          expect(x).toBeGreaterThanOrEqual(0)
          expect(x).toBeLessThanOrEqual(width)
          expect(y).toBeGreaterThan(0)
          expect(y).toBeLessThan(height)
        }
        expect(new Set(others.map(({ x, y }) => `${Math.round(x)}/${Math.round(y)}`)).size).toBe(others.length)
      }
    }
  })

  it('draws each connection by its best way, and says the same in words', () => {
    const { others } = networkPicture(fixtureReport, 900)
    expect(others.map(({ kind, link }) => `${kind} ${link}`)).toEqual([
      'relay websocket',
      'relay none',
      'peer webrtc',
      'peer webrtc',
      'peer circuit',
      'peer none'
    ])
    expect(plain(pictureSummary(fixtureReport))).toBe('1 of 2 relays connected, 2 peers direct, WebRTC, 1 peer through the relay.')
  })
})

describe('the event log', () => {
  it('tells what changed between two reports, and nothing at the first', () => {
    expect(differences(null, alone)).toEqual([])
    expect(differences(alone, alone)).toEqual([])
    expect(differences(alone, with_(peerOf('peer-abcdef', ['circuit'])))).toEqual(['Peer …abcdef: through the relay.'])
    expect(
      differences(with_(peerOf('peer-abcdef', ['circuit'])), with_({ ...peerOf('peer-abcdef', ['circuit', 'webrtc']), mesh: true }))
    ).toEqual(['Peer …abcdef: direct, WebRTC.', 'Peer …abcdef is in the gossip mesh.'])
    expect(differences(with_(peerOf('peer-abcdef', ['webrtc'])), alone)).toEqual(['Peer …abcdef is gone.'])
    expect(differences(alone, { ...alone, relays: away.relays })).toEqual(['Relay: tried again within 5 s: the connection closed.'])
    expect(differences({ ...fixtureReport, failures: [] }, fixtureReport)).toEqual([
      `Peer ${shortPeer(fixtureReport.failures[0]?.peer ?? '')} was not reached: no common ICE candidate in 10 s`
    ])
  })

  it('keeps the newest, in order, and never more than its bound', () => {
    let log = added([], 1, ['first'])
    for (let round = 0; round < LOG_MAX + 10; round++) log = added(log, round, [`a ${round}`, `b ${round}`])
    expect(log).toHaveLength(LOG_MAX)
    expect(log[0]?.text).toBe(`b ${LOG_MAX + 9}`)
    expect(log[1]?.text).toBe(`a ${LOG_MAX + 9}`)
    expect(new Set(log.map(({ id }) => id)).size).toBe(LOG_MAX)
  })
})

it('says what the browser promised about storage', () => {
  expect(storageSentence({ persisted: true, asked: 'granted', usageBytes: 2_400_000 })).toBe(
    'The browser keeps what is stored here until you remove it. It holds 2.4 MB.'
  )
  expect(storageSentence({ persisted: false, asked: 'declined', usageBytes: null })).toMatch(/declined/)
  expect(storageSentence({ persisted: false, asked: 'not yet', usageBytes: null })).toMatch(/when you press Start/)
  expect(storageSentence({ persisted: null, asked: 'cannot be asked', usageBytes: null })).toMatch(/does not say/)
})
