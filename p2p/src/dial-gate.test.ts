import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { dialGate } from './dial-gate.ts'

const RELAY = '12D3KooWQjXJfBhcEmR1NR1vCpRnTLrk6Xw9XyMQ8T1vVfMM6Uy2'
const circuit = (host: string): string => `${host}/p2p/${RELAY}/p2p-circuit/webrtc`

describe('dialGate', () => {
  it('with a public relay denies private addresses and plain WebSockets', () => {
    const denies = dialGate([`/dns4/lab.example/tcp/443/tls/ws/p2p/${RELAY}`])
    expect(
      [
        '/ip4/192.168.0.5/tcp/80/tls/ws',
        '/ip4/127.0.0.1/tcp/80/ws',
        '/ip6/::1/tcp/80/tls/ws',
        '/dns4/localhost/tcp/80/tls/ws',
        '/dns4/other.example/tcp/80/ws',
        circuit('/ip4/10.1.2.3/tcp/80/tls/ws')
      ].map((address) => denies(multiaddr(address)))
    ).toEqual([true, true, true, true, true, true])
  })

  it('with a public relay allows that relay, encrypted public addresses and circuits over them', () => {
    const denies = dialGate([`/dns4/lab.example/tcp/443/tls/ws/p2p/${RELAY}`])
    expect(
      ['/dns4/lab.example/tcp/443/tls/ws', circuit('/dns4/lab.example/tcp/443/tls/ws'), '/dns4/other.example/tcp/443/tls/ws'].map(
        (address) => denies(multiaddr(address))
      )
    ).toEqual([false, false, false])
  })

  it('allows a public relay over plain ws when a person named it, and it only', () => {
    const denies = dialGate(['/dns4/lab.example/tcp/80/ws'])
    expect(denies(multiaddr('/dns4/lab.example/tcp/80/ws'))).toBe(false)
    expect(denies(multiaddr('/dns4/lab.example/tcp/81/ws'))).toBe(true)
  })

  it.each(['/ip4/127.0.0.1/tcp/8080/ws', '/ip4/192.168.1.2/tcp/8080/ws', '/dns4/localhost/tcp/80/ws'])(
    'with the relay %s allows everything',
    (relay) => {
      const denies = dialGate([relay])
      expect(denies(multiaddr('/ip4/192.168.0.5/tcp/80/ws'))).toBe(false)
    }
  )
})
