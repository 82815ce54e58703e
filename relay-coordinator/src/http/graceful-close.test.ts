import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { until } from '@peercompute/p2p/testing'
import { createTestApp } from '../testing/test-app.ts'
import { CLOSE_GRACE_MS } from './graceful-close.ts'

it('does not wait for a connection that has never asked for anything', async () => {
  await using parts = await createTestApp()
  await parts.app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((parts.app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(parts.app.server, 'connection')
  const closed = once(socket, 'close')
  await parts.app.close()
  await closed
})

it('does not wait for a WebSocket that nobody has taken, or ended', async () => {
  await using parts = await createTestApp()
  await parts.app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((parts.app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
  await once(parts.app.server, 'upgrade')
  const closed = once(socket, 'close')
  await parts.app.close()
  await closed
})

it('waits for a request that is under way, but not for ever', async () => {
  await using parts = await createTestApp()
  await parts.app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((parts.app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(`PUT /api/v1/blobs/${'0'.repeat(64)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nslow`)
  await once(parts.app.server, 'request')
  let closed = false
  const closing = parts.app.close().then(() => {
    closed = true
  })
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  expect(closed).toBe(false)
  await until(() => {
    parts.clock.advance(CLOSE_GRACE_MS)
    return closed
  }, 'the server is closed')
  await closing
})
