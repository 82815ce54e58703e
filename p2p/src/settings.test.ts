import { DISCOVERY_TOPIC, LEDGER_TOPIC } from '@peercompute/job-specs/protocol'
import { describe, expect, it } from 'vitest'
import {
  CHANNEL_QUEUE_BYTES,
  CIRCUIT_RELAY,
  CLIENT_CONNECTIONS,
  CLIENT_GOSSIP,
  CLIENT_LISTEN,
  CONNECTION_MONITOR,
  RELAY_CONNECTIONS,
  RELAY_GOSSIP,
  RELAY_TOPICS,
  REDIAL_CAP_MS,
  TEST_TOPIC,
  webRtcSettings,
  YAMUX
} from './settings.ts'

/** What behaviour shows is tested where it happens; these bounds would need hours, hundreds of clients or third parties to show. */
describe('settings that break the network in silence', () => {
  it('leave no IP penalty on any node, because proxies and campuses share addresses', () => {
    expect(CLIENT_GOSSIP.scoreParams?.IPColocationFactorWeight).toBe(0)
    expect(RELAY_GOSSIP.scoreParams?.IPColocationFactorWeight).toBe(0)
  })

  it('punish invalid messages and nothing else, on every topic that the relay forwards', () => {
    expect([...RELAY_TOPICS].sort()).toEqual([LEDGER_TOPIC, DISCOVERY_TOPIC, TEST_TOPIC].sort())
    for (const topic of RELAY_TOPICS) {
      expect(RELAY_GOSSIP.scoreParams?.topics?.[topic]).toMatchObject({
        topicWeight: 1,
        invalidMessageDeliveriesWeight: -20,
        invalidMessageDeliveriesDecay: 0.99,
        timeInMeshWeight: 0,
        firstMessageDeliveriesWeight: 0,
        meshMessageDeliveriesWeight: 0,
        meshFailurePenaltyWeight: 0
      })
    }
  })

  it('hold hundreds of clients in the mesh of the relay', () => {
    expect([RELAY_GOSSIP.D, RELAY_GOSSIP.Dlo, RELAY_GOSSIP.Dhi]).toEqual([500, 490, 1_000])
  })

  it('keep gossip off circuits, and circuits limited but useful', () => {
    expect(CLIENT_GOSSIP.runOnLimitedConnection).toBe(false)
    expect(CIRCUIT_RELAY.reservations?.applyDefaultLimit).toBe(true)
    expect(CIRCUIT_RELAY.reservations?.defaultDurationLimit).toBeGreaterThanOrEqual(1_800_000)
    expect(CIRCUIT_RELAY.reservations?.defaultDataLimit).toBeGreaterThanOrEqual(67_108_864n)
  })

  it('admit more than the relay has reservations for, in a burst', () => {
    expect(CIRCUIT_RELAY.reservations?.maxReservations).toBeGreaterThanOrEqual(1_000)
    expect(RELAY_CONNECTIONS.maxConnections).toBeGreaterThanOrEqual((CIRCUIT_RELAY.reservations?.maxReservations ?? Infinity) + 10_000)
    expect(RELAY_CONNECTIONS.maxIncomingPendingConnections).toBeGreaterThanOrEqual(1_000)
    expect(RELAY_CONNECTIONS.inboundConnectionThreshold).toBeGreaterThanOrEqual(1_000)
  })

  it('forgive a main thread that is blocked for 15 s', () => {
    expect(CONNECTION_MONITOR.pingTimeout?.minTimeout).toBeGreaterThan(15_000)
    expect(CONNECTION_MONITOR.abortConnectionOnPingFailure ?? true).toBe(true)
  })

  it('hold a window, and what may wait unread, below the 4 MiB at which libp2p resets a stream', () => {
    expect(YAMUX.streamOptions.maxStreamWindowSize).toBeLessThan(4_194_304)
    expect(CHANNEL_QUEUE_BYTES).toBeLessThan(4_194_304)
  })

  it('ask no third party for an address, and listen on circuit and WebRTC', () => {
    expect(webRtcSettings([]).rtcConfiguration).toEqual({ iceServers: [] })
    expect(CLIENT_LISTEN).toEqual({ circuit: '/p2p-circuit', webRtc: '/webrtc' })
  })

  it('cap the wait for a lost relay at 10 s, and leave its redial to one supervisor', () => {
    expect(REDIAL_CAP_MS).toBe(10_000)
    expect([CLIENT_CONNECTIONS.reconnectRetries, RELAY_CONNECTIONS.reconnectRetries]).toEqual([0, 0])
  })
})
