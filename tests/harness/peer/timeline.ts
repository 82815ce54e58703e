/** When each step of coming together was seen first. */
import type { PeerNode } from '@peercompute/p2p'

/** The seed's path, in its order. */
export type Step = 'node' | 'relay' | 'reserved' | 'discovered' | 'circuit' | 'webrtc' | 'record'

export interface Moment {
  readonly step: Step
  /** Milliseconds since this page or process began. */
  readonly at: number
}

export interface Timeline {
  follow(node: PeerNode): void
  note(step: Step): void
  moments(): readonly Moment[]
}

export function createTimeline(): Timeline {
  const first = new Map<Step, number>()
  const note = (step: Step): void => {
    if (!first.has(step)) first.set(step, Math.round(performance.now()))
  }
  return {
    note,
    follow(node) {
      note('node')
      node.addEventListener('connection:open', ({ detail }) => {
        const address = detail.remoteAddr.toString()
        note(address.includes('/webrtc') ? 'webrtc' : address.includes('/p2p-circuit') ? 'circuit' : 'relay')
      })
      node.addEventListener('peer:discovery', ({ detail }) => {
        // the relay itself is discovered, too
        if (detail.multiaddrs.some((address) => address.toString().includes('/p2p-circuit'))) note('discovered')
      })
      node.addEventListener('self:peer:update', ({ detail }) => {
        if (detail.peer.addresses.some(({ multiaddr }) => multiaddr.toString().includes('/p2p-circuit'))) note('reserved')
      })
    },
    moments: () => [...first].map(([step, at]) => ({ step, at })).sort((one, other) => one.at - other.at)
  }
}
