import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { createClientNode } from './client-node.ts'
import { generatePeerKey } from './peer-key.ts'
import { createRelayNode } from './relay-node.ts'
import { addressesOf, createTestNetwork } from './testing/network.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

const LOOPBACK = '/ip4/127.0.0.1/tcp/8080/ws'

describe('unencrypted connections', () => {
  it.each([
    ['a public relay', ['/dns4/lab.example/tcp/443/tls/ws']],
    ['a relay of the local network', ['/ip4/192.168.1.4/tcp/8080/ws']],
    ['a name that may mean any machine', ['/dns4/localhost/tcp/8080/ws']],
    ['one stranger among relays of this machine', [LOOPBACK, '/ip6/2001:db8::1/tcp/8080/ws']],
    ['no relay', []]
  ])('are refused with %s', async (_name, relays) => {
    await expect(createClientNode({ relays, webRtc: false, unencrypted: true })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  it.each([
    ['announces a public address', { announce: ['/dns4/lab.example/tcp/443/tls/ws'] }],
    ['listens to everybody', { announce: [], listen: '/ip4/0.0.0.0/tcp/0/ws' }]
  ])('are refused for a relay that %s', async (_name, options) => {
    await expect(createRelayNode({ peerKey: await generatePeerKey(), unencrypted: true, ...options })).rejects.toMatchObject({
      code: 'CONFIG_INVALID'
    })
  })

  it('join two processes of this machine that both want them, and nobody else', async () => {
    const relay = await network.relay({ unencrypted: true })
    const relays = addressesOf(relay)
    const client = await network.client(relays, { unencrypted: true })
    expect(client.getConnections().map(({ encryption }) => encryption)).toEqual(['/plaintext/2.0.0'])
    const careful = await network.client([], { relays })
    await expect(careful.dial(multiaddr(relays[0] ?? ''))).rejects.toThrow()
  })
})

it('connections are encrypted with noise unless somebody says otherwise', async () => {
  const client = await network.client(addressesOf(await network.relay()))
  expect(client.getConnections().map(({ encryption }) => encryption)).toEqual(['/noise'])
})
