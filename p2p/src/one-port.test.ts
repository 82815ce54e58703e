import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { announceFor } from './announce.ts'
import { handleChannel, openChannel } from './channels.ts'
import { attachRelay, upgradeHandlerOf } from './one-port.ts'
import { JOIN_HOLD_MS, RELAY_JOINS_PER_SECOND } from './settings.ts'
import { superviseRelay } from './supervisor.ts'
import { addressesOf, createTestNetwork, openLightConnection, portOf, startHttpServer } from './testing/network.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

const PROTOCOL = '/peercompute/test-place/1'

/** Status line of an upgrade request. */
function upgradeStatus(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({
      host: '127.0.0.1',
      port,
      path,
      headers: {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA=='
      }
    })
      .on('response', (response) => {
        resolve(response.statusCode ?? 0)
      })
      .on('upgrade', (response, socket) => {
        socket.destroy()
        resolve(response.statusCode ?? 0)
      })
      .on('error', reject)
      .end()
  })
}

describe('attachRelay', () => {
  it('serves pages, API and libp2p on one port, and announces that port only', async () => {
    const { server, port } = await startHttpServer(network)
    const relay = await network.relay({ announce: [announceFor(`http://127.0.0.1:${port}`)] })
    network.after(attachRelay(server, relay))
    const places: object[] = []
    await handleChannel(relay, PROTOCOL, { limit: 100, maxInboundStreams: 1 }, async (channel, remote) => {
      places.push(remote)
      await channel.close()
    })

    expect(addressesOf(relay)).toEqual([`/ip4/127.0.0.1/tcp/${port}/ws/p2p/${relay.peerId.toString()}`])
    const client = await network.client(addressesOf(relay))
    await openChannel(client, relay.peerId.toString(), PROTOCOL, { limit: 100, signal: AbortSignal.timeout(5_000) })
    await until(() => places.length > 0, 'the relay saw the client')

    expect(places).toEqual([
      {
        peer: client.peerId.toString(),
        address: expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+/),
        subnet: '127.0.0.0/24',
        limited: false
      }
    ])
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('page')
  })

  it('refuses upgrades of other paths and of clients that are not admitted', async () => {
    const { server, port } = await startHttpServer(network)
    let open = true
    const detach = attachRelay(server, await network.relay(), () => open)
    expect(await upgradeStatus(port, '/')).toBe(101)
    expect(await upgradeStatus(port, '/other')).toBe(404)
    open = false
    expect(await upgradeStatus(port, '/')).toBe(429)
    detach()
    expect(server.listenerCount('upgrade')).toBe(0)
  })

  it('lets in whoever has to wait the longest, before that one gives its dial up', async () => {
    const { server, port } = await startHttpServer(network)
    const relay = await network.relay({ announce: [announceFor(`http://127.0.0.1:${port}`)] })
    network.after(attachRelay(server, relay))
    await handleChannel(relay, PROTOCOL, { limit: 100, maxInboundStreams: 1 }, (channel) => channel.close())
    let come = 0
    server.on('upgrade', () => (come += 1))
    const ahead = Array.from({ length: Math.floor(JOIN_HOLD_MS / Math.ceil(1_000 / RELAY_JOINS_PER_SECOND)) }, () =>
      upgradeStatus(port, '/')
    )
    await until(() => come === ahead.length, 'the others wait')
    const [address = ''] = addressesOf(relay)
    const { stop } = await openLightConnection(address, PROTOCOL, { limit: 100, signal: AbortSignal.timeout(20_000) })
    await stop()
    expect(new Set(await Promise.all(ahead))).toEqual(new Set([101]))
  }, 30_000)

  it('knows clients by the addresses that it is told, as behind a proxy, and by their own otherwise', async () => {
    const { server, port } = await startHttpServer(network)
    const relay = await network.relay()
    const forwarded = ({ headers, socket }: IncomingMessage) => [headers['x-forwarded-for'] ?? socket.remoteAddress].flat()[0]
    network.after(attachRelay(server, relay, undefined, forwarded))
    const subnets = new Map<string, string>()
    await handleChannel(relay, PROTOCOL, { limit: 100, maxInboundStreams: 1 }, async (channel, { peer, subnet }) => {
      subnets.set(peer, subnet)
      await channel.close()
    })
    const comeThrough = async (entrance: number): Promise<string | undefined> => {
      const address = `/ip4/127.0.0.1/tcp/${entrance}/ws/p2p/${relay.peerId.toString()}`
      const client = await network.client([], { relays: [address] })
      await client.dial(multiaddr(address))
      await openChannel(client, relay.peerId.toString(), PROTOCOL, { limit: 100, signal: AbortSignal.timeout(5_000) })
      await until(() => subnets.has(client.peerId.toString()), 'the relay saw the client')
      return subnets.get(client.peerId.toString())
    }
    const entrances = [await forwardingProxy(port, '203.0.113.7'), await forwardingProxy(port, '2001:db8:7::1'), port]
    expect(await Promise.all(entrances.map(comeThrough))).toEqual(['203.0.113.0/24', '2001:db8:7::/48', '127.0.0.0/24'])
  })

  it('finds the listener of this version of libp2p, and says so when there is none (contract)', async () => {
    expect(typeof upgradeHandlerOf(await network.relay())).toBe('function')
    const client = await network.client([])
    expect(() => upgradeHandlerOf(client)).toThrow(/no WebSocket listener/)
  })

  it('is reached through a proxy that ends TLS, under the address of --public-url https://…', async () => {
    const { server, port } = await startHttpServer(network)
    const { key, cert } = selfSigned()
    const proxy = createTlsServer({ key, cert }, (socket) => {
      const upstream = connect(port, '127.0.0.1')
      socket.pipe(upstream).pipe(socket)
      socket.on('error', () => upstream.destroy())
      upstream.on('error', () => socket.destroy())
    })
    await new Promise<void>((resolve) => {
      proxy.listen(0, '127.0.0.1', resolve)
    })
    network.after(() => new Promise((resolve) => proxy.close(resolve)))
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, cert])
    network.after(() => {
      setDefaultCACertificates(before)
    })

    const relay = await network.relay({ announce: [announceFor(`https://127.0.0.1:${portOf(proxy)}`)] })
    network.after(attachRelay(server, relay))
    const [address = ''] = addressesOf(relay)
    expect(address).toBe(`/ip4/127.0.0.1/tcp/${portOf(proxy)}/tls/ws/p2p/${relay.peerId.toString()}`)
    const client = await network.client([address])
    await until(
      () => addressesOf(client).includes(`${address}/p2p-circuit/p2p/${client.peerId.toString()}`),
      'the client is reserved a circuit over TLS'
    )
  })

  it('keeps out a proxy with a certificate that nobody vouches for', async () => {
    const { key, cert } = selfSigned()
    const proxy = createTlsServer({ key, cert })
    await new Promise<void>((resolve) => {
      proxy.listen(0, '127.0.0.1', resolve)
    })
    network.after(() => new Promise((resolve) => proxy.close(resolve)))
    const refused = new Promise<string>((resolve) =>
      proxy.on('tlsClientError', ({ message }) => {
        resolve(message)
      })
    )
    const address = `/ip4/127.0.0.1/tcp/${portOf(proxy)}/tls/ws`
    const client = await network.client([], { relays: [address] })
    const supervisor = superviseRelay(client, [address])
    network.after(() => {
      supervisor.stop()
    })
    await until(() => supervisor.state.kind === 'waiting', 'the dial failed')
    expect(await refused).toMatch(/unknown ca|certificate|socket|ECONNRESET/i)
  })
})

/** Writes where the client is into the head of what it passes on, as reverse proxies do. Returns its port. */
async function forwardingProxy(target: number, clientAddress: string): Promise<number> {
  const proxy = createTcpServer((socket) => {
    const upstream = connect(target, '127.0.0.1')
    socket.once('data', (head: Buffer) => {
      upstream.write(head.toString('latin1').replace('\r\n', `\r\nX-Forwarded-For: ${clientAddress}\r\n`), 'latin1')
      socket.pipe(upstream).pipe(socket)
    })
    socket.on('error', () => upstream.destroy())
    upstream.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve)
  })
  network.after(() => new Promise((resolve) => proxy.close(resolve)))
  return portOf(proxy)
}

/** A certificate for 127.0.0.1, valid for a day. */
function selfSigned(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-tls-'))
  try {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
        '-subj',
        '/CN=127.0.0.1',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        join(folder, 'key.pem'),
        '-out',
        join(folder, 'cert.pem')
      ],
      { stdio: 'ignore' }
    )
    return { key: readFileSync(join(folder, 'key.pem'), 'utf8'), cert: readFileSync(join(folder, 'cert.pem'), 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
