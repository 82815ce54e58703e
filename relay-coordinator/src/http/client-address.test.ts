import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { clientAddressBehind } from './client-address.ts'

function addressOf(trusted: readonly string[], remoteAddress: string, forwardedFor?: string): string | undefined {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress })
  const request = new IncomingMessage(socket)
  if (forwardedFor !== undefined) request.headers['x-forwarded-for'] = forwardedFor
  return clientAddressBehind(trusted)(request)
}

it('is the one of the socket when nobody is trusted, whatever the client writes', () => {
  expect(addressOf([], '198.51.100.7')).toBe('198.51.100.7')
  expect(addressOf([], '198.51.100.7', '203.0.113.1')).toBe('198.51.100.7')
  expect(addressOf(['10.0.0.0/8'], '198.51.100.7', '203.0.113.1')).toBe('198.51.100.7')
})

it('is what a trusted proxy says, through as many of them as there are, and no further', () => {
  expect(addressOf(['10.0.0.0/8'], '10.1.2.3', '203.0.113.1')).toBe('203.0.113.1')
  expect(addressOf(['10.0.0.0/8'], '::ffff:10.1.2.3', '203.0.113.1')).toBe('203.0.113.1')
  expect(addressOf(['10.0.0.0/8', '192.0.2.1'], '10.1.2.3', '9.9.9.9, 203.0.113.1, 192.0.2.1')).toBe('203.0.113.1')
  expect(addressOf(['2001:db8::/32'], '2001:db8::1', '2001:db9::5')).toBe('2001:db9::5')
})

it('stays at the proxy when what it says is no address', () => {
  expect(addressOf(['10.0.0.1'], '10.0.0.1', 'unknown')).toBe('10.0.0.1')
  expect(addressOf(['10.0.0.1'], '10.0.0.1', '203.0.113.1, ')).toBe('10.0.0.1')
})
