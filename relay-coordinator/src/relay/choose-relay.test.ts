import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseRelay } from './choose-relay.ts'

const relaysWith = (...loads: readonly number[]) => loads.map((load, index) => ({ peerId: `relay-${index}`, load }))
const address = fc.ipV4()

describe('the relay of a client', () => {
  it('is nobody when there are none', () => {
    expect(chooseRelay([], '203.0.113.7')).toBeNull()
  })

  it('is the same again as long as none is overloaded', () => {
    fc.assert(
      fc.property(address, (client) => {
        const [before, after] = [relaysWith(10, 10, 10, 10), relaysWith(10, 11, 10, 9)]
        expect(chooseRelay(after, client)?.peerId).toBe(chooseRelay(before, client)?.peerId)
      })
    )
  })

  it('stays when another relay is gone', () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 3 }), (client, gone) => {
        const all = relaysWith(10, 10, 10, 10)
        const before = chooseRelay(all, client)
        fc.pre(before !== all[gone])
        expect(
          chooseRelay(
            all.filter((_, index) => index !== gone),
            client
          )
        ).toBe(before)
      })
    )
  })

  it('never has more than a quarter over its share, even when all clients have one address', () => {
    const client = fc.oneof(address, fc.constant('127.0.0.1'))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(client, { minLength: 1, maxLength: 300 }), (count, clients) => {
        const loads = Array<number>(count).fill(0)
        for (const come of clients) {
          const relays = relaysWith(...loads)
          const chosen = chooseRelay(relays, come)
          const index = relays.findIndex((relay) => relay === chosen)
          loads[index] = (loads[index] ?? 0) + 1
        }
        expect(Math.max(...loads)).toBeLessThanOrEqual(Math.ceil((1.25 * clients.length) / count))
      })
    )
  })
})
