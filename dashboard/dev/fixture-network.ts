/** Development only: a network with one of everything, for looking at the page and in unit tests. */
import type { NetworkReport } from '@peercompute/p2p'

const peer = (end: string) => `12D3KooWJvT2FQx9dR7y4mB8sN1cHkL6pWzE5aU3gXo${end}`

export const fixtureReport: NetworkReport = {
  peer: peer('SelfTab1'),
  webRtc: true,
  iceServers: 0,
  addresses: [
    `/ip4/127.0.0.1/tcp/8400/ws/p2p/${peer('RelayAb1')}/p2p-circuit/p2p/${peer('SelfTab1')}`,
    `/ip4/127.0.0.1/tcp/8400/ws/p2p/${peer('RelayAb1')}/p2p-circuit/webrtc/p2p/${peer('SelfTab1')}`
  ],
  relays: [
    {
      address: `/ip4/127.0.0.1/tcp/8400/ws/p2p/${peer('RelayAb1')}`,
      state: { kind: 'connected', peer: peer('RelayAb1'), address: `/ip4/127.0.0.1/tcp/8400/ws/p2p/${peer('RelayAb1')}` },
      rttMs: 3.4,
      reserved: true
    },
    {
      address: `/dns4/relay.lab.example/tcp/443/tls/ws/p2p/${peer('RelayCd2')}`,
      state: { kind: 'waiting', attempt: 4, delayMs: 6_200, cause: 'the relay does not answer' },
      rttMs: null,
      reserved: false
    }
  ],
  peers: [
    { peer: peer('RelayAb1'), paths: ['websocket'], direction: 'outbound', relay: true, mesh: true, ledger: true },
    { peer: peer('PeerKq4T'), paths: ['webrtc', 'circuit'], direction: 'outbound', relay: false, mesh: true, ledger: true },
    { peer: peer('PeerM7xD'), paths: ['webrtc'], direction: 'inbound', relay: false, mesh: true, ledger: true },
    { peer: peer('PeerR2sV'), paths: ['circuit'], direction: 'inbound', relay: false, mesh: false, ledger: true },
    { peer: peer('PeerZ9bN'), paths: [], direction: 'outbound', relay: false, mesh: false, ledger: false }
  ],
  known: 5,
  topics: [
    { topic: 'peercompute/ledger/1', subscribers: 3, mesh: 3 },
    { topic: 'peercompute._peer-discovery._p2p._pubsub', subscribers: 3, mesh: 3 }
  ],
  failures: [{ peer: peer('PeerZ9bN'), at: 1_780_000_000_000, cause: 'no common ICE candidate in 10 s' }]
}
