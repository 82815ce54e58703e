import { expect, it } from 'vitest'
import { subnetOf } from './subnet.ts'

it.each([
  ['/ip4/203.0.113.9/tcp/4001/ws/p2p/X', '203.0.113.0/24'],
  ['/ip6/2001:0db8:00a0:1::9/tcp/4001/ws', '2001:db8:a0::/48'],
  ['/ip6/::1/tcp/4001/ws', '0:0:0::/48'],
  ['/ip6/::ffff:203.0.113.9/tcp/1/ws', '203.0.113.0/24'],
  ['/ip4/10.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/p2p/X', 'relayed'],
  ['/dns4/lab.example/tcp/443/tls/ws', 'unknown'],
  ['/webrtc/p2p/X', 'unknown']
])('names the subnet of %s as %s', (address, subnet) => {
  expect(subnetOf(address)).toBe(subnet)
})
