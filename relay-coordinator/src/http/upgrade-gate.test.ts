import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { createFakeClock } from '@peercompute/p2p/testing'
import { createUpgradeGate } from './upgrade-gate.ts'

/** A request as Node hands it over, from an address that this machine does not have. */
function requestFrom(remoteAddress: string | undefined): IncomingMessage {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress })
  return new IncomingMessage(socket)
}

it('lets one address open so many connections and not more, without touching the others', () => {
  const clock = createFakeClock()
  const admit = createUpgradeGate(clock)
  const storm = () => Array.from({ length: 100 }, () => admit(requestFrom('203.0.113.9'))).filter(Boolean).length
  expect(storm()).toBe(50)
  expect(admit(requestFrom('203.0.113.10'))).toBe(true)
  clock.advance(2_000)
  expect(storm()).toBe(10)
})

it('lets this machine through, and nobody without an address', () => {
  const admit = createUpgradeGate(createFakeClock())
  expect(Array.from({ length: 100 }, () => admit(requestFrom('127.0.0.1'))).every(Boolean)).toBe(true)
  expect(admit(requestFrom(undefined))).toBe(false)
})
