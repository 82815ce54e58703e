/** The network's numbers: connections that hold, peers that find each other, gossip that arrives. */
import type { Bench } from './bench.ts'
import { blob } from './network/blob.ts'
import { blocked } from './network/blocked.ts'
import { dials } from './network/dial.ts'
import { discover } from './network/discover.ts'
import { gossip } from './network/gossip.ts'
import { idle } from './network/idle.ts'
import { sync } from './network/sync.ts'
import { outage } from './network/outage.ts'

export const networkBench: Bench = {
  name: 'network',
  summary: 'whether connections hold and heal, how fast peers meet, and what gossip and blobs cost',
  parts: [
    idle('idle.1min.drops', 1, null),
    idle('idle.drops', 10, '<= 0'),
    blocked,
    dials,
    sync,
    blob,
    discover(30, '<= 5'),
    discover(100, '<= 10'),
    gossip(30, { delivery: null, p50: null, memory: null }),
    gossip(300, { delivery: '>= 100', p50: '<= 250', memory: '<= 0.75' }),
    outage('3s', 30, '<= 15'),
    outage('3s', 300, '<= 45'),
    outage('90s', 30, '<= 15'),
    outage('90s', 300, '<= 45'),
    outage('10min', 30, '<= 15'),
    outage('10min', 300, '<= 45')
  ]
}
