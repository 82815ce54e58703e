import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { createFakeClock } from '@peercompute/p2p/testing'
import { clientAddressBehind } from './client-address.ts'
import { createUpgradeGate, type UpgradeGateInit } from './upgrade-gate.ts'

/** A request as Node hands it over, from an address that this machine does not have. */
function requestFrom(remoteAddress: string | undefined, forwardedFor?: string): IncomingMessage {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress })
  const request = new IncomingMessage(socket)
  if (forwardedFor !== undefined) request.headers['x-forwarded-for'] = forwardedFor
  return request
}

const gate = (init: Partial<UpgradeGateInit> = {}) =>
  createUpgradeGate({ clock: createFakeClock(), subnetQuota: 1_000, addressOf: clientAddressBehind([]), ...init })

it('lets one address open so many connections and not more, without touching the others', () => {
  const clock = createFakeClock()
  const admit = gate({ clock })
  const storm = () => Array.from({ length: 100 }, () => admit(requestFrom('203.0.113.9'))).filter(Boolean).length
  expect(storm()).toBe(50)
  expect(admit(requestFrom('203.0.113.10'))).toBe(true)
  clock.advance(2_000)
  expect(storm()).toBe(10)
})

it('lets this machine through, and nobody without an address', () => {
  const admit = gate({ subnetQuota: 1 })
  expect(Array.from({ length: 300 }, () => admit(requestFrom('127.0.0.1'))).every(Boolean)).toBe(true)
  expect(admit(requestFrom(undefined))).toBe(false)
})

it('lets one subnet hold so many connections at the same time, and takes a place back when one closes', () => {
  const admit = gate({ subnetQuota: 3 })
  const held = [1, 2, 3].map((host) => requestFrom(`203.0.113.${host}`))
  expect(held.map(admit)).toEqual([true, true, true])
  expect([admit(requestFrom('203.0.113.4')), admit(requestFrom('::ffff:203.0.113.5'))]).toEqual([false, false])
  expect([admit(requestFrom('203.0.114.4')), admit(requestFrom('2001:db8:1::1'))]).toEqual([true, true])
  held[0]?.socket.emit('close')
  expect([admit(requestFrom('203.0.113.4')), admit(requestFrom('203.0.113.5'))]).toEqual([true, false])
})

it('counts an IPv6 site by its /48', () => {
  const admit = gate({ subnetQuota: 1 })
  expect(['2001:db8:1:1::1', '2001:db8:1:2::1', '2001:db8:2:1::1'].map((address) => admit(requestFrom(address)))).toEqual([
    true,
    false,
    true
  ])
})

it('counts the clients of a trusted proxy on this machine by their own addresses', () => {
  const admit = gate({ subnetQuota: 1, addressOf: clientAddressBehind(['127.0.0.1']) })
  const come = (forwardedFor: string) => admit(requestFrom('127.0.0.1', forwardedFor))
  expect([come('203.0.113.1'), come('203.0.113.2'), come('198.51.100.1')]).toEqual([true, false, true])
})
