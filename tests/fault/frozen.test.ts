import { describe, expect, it } from 'vitest'
import { converged, createLab, reaches } from '../harness/lab.ts'
import { lasting } from '../harness/lasting.ts'

/** Longer than libp2p tries to set anything up on a new connection, and shorter than it takes to give the connection up. */
const FROZEN_MS = 30_000

describe.concurrent('SIGSTOP for 30 s', () => {
  it('of the relay: what was written meanwhile arrives everywhere, once', async () => {
    const lab = createLab()
    try {
      const relay = await lab.relay()
      const peers = await Promise.all([1, 2, 3].map(() => lab.peer({ relays: [relay.address], webRtc: false })))
      await Promise.all(peers.map((peer) => reaches(peer, relay)))
      relay.process.freeze()
      await Promise.all(peers.map((peer) => peer.call('append', 40)))
      await lasting(FROZEN_MS)
      relay.process.thaw()
      const held = await converged('one ledger', peers, 3 * 41, 90_000)
      expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(3).fill({ delivered: 123, offences: 0 }))
    } finally {
      await lab.end()
    }
  })

  it('of a peer: the others do not wait for it, and it catches up', async () => {
    const lab = createLab()
    try {
      const relay = await lab.relay()
      const [one, two, frozen] = await Promise.all([1, 2, 3].map(() => lab.peer({ relays: [relay.address] })))
      if (one === undefined || two === undefined || frozen === undefined) throw new Error('no peers')
      await Promise.all([one, two, frozen].map((peer) => reaches(peer, relay)))
      await frozen.call('append', 40)
      await converged('one ledger', [one, two, frozen], 41)
      frozen.process.process.freeze()
      await one.call('append', 40)
      await two.call('append', 40)
      await converged('the others go on', [one, two], 3 * 41)
      await lasting(FROZEN_MS)
      frozen.process.process.thaw()
      await frozen.call('append', 1)
      const held = await converged('all are together again', [one, two, frozen], 3 * 41 + 1, 90_000)
      expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(3).fill({ delivered: 124, offences: 0 }))
    } finally {
      await lab.end()
    }
  })
})
