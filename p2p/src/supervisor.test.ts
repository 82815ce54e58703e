import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createFakeClock } from './testing/fake-clock.ts'
import { generatePeerKey } from './peer-key.ts'
import { superviseRelay, type RelayState } from './supervisor.ts'
import { addressesOf, createTestNetwork, portOf } from './testing/network.ts'
import { until } from './testing/until.ts'

const network = createTestNetwork()
afterEach(() => network.stop())

async function freeAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = `/ip4/127.0.0.1/tcp/${portOf(server)}/ws`
  await new Promise((resolve) => server.close(resolve))
  return address
}

describe('superviseRelay', () => {
  it('goes on dialling a relay that does not answer, with growing waits up to the cap', async () => {
    const relay = await freeAddress()
    const node = await network.client([], { relays: [relay] })
    const clock = createFakeClock()
    const states: RelayState[] = []
    const supervisor = superviseRelay(node, [relay], { clock, random: () => 0.999_999, onState: (state) => states.push(state) })
    network.after(() => {
      supervisor.stop()
    })
    for (let round = 1; round <= 9; round++) {
      await until(() => states.filter(({ kind }) => kind === 'waiting').length === round, `round ${round}`)
      clock.advance(clock.pending()[0] ?? 0)
    }
    expect(states.flatMap((state) => (state.kind === 'waiting' ? [state.delayMs] : []))).toEqual([
      499, 999, 1999, 3999, 7999, 9999, 9999, 9999, 9999
    ])
    expect(
      states.flatMap((state) => (state.kind === 'waiting' ? [state.cause] : [])).every((cause) => cause !== '' && !cause.includes('gater'))
    ).toBe(true)
  })

  it('ends a wait when nudged, and everything when stopped', async () => {
    const relay = await freeAddress()
    const node = await network.client([], { relays: [relay] })
    const clock = createFakeClock()
    const states: string[] = []
    const supervisor = superviseRelay(node, [relay], { clock, random: () => 0.5, onState: ({ kind }) => states.push(kind) })
    await until(() => supervisor.state.kind === 'waiting', 'it waits')
    supervisor.nudge()
    supervisor.nudge()
    expect(states).toEqual(['connecting', 'waiting', 'connecting'])
    await until(() => supervisor.state.kind === 'waiting', 'it waits again')
    supervisor.stop()
    supervisor.nudge()
    clock.advance(60_000)
    expect(states).toEqual(['connecting', 'waiting', 'connecting', 'waiting', 'stopped'])
    expect(clock.pending()).toEqual([])
  })

  it('brings a client back, with its address, to a relay that was restarted with the same key on the same port', async () => {
    const peerKey = await generatePeerKey()
    const listen = await freeAddress()
    const first = await network.relay({ peerKey, listen })
    const node = await network.client([], { relays: [listen] })
    const clock = createFakeClock()
    const supervisor = superviseRelay(node, addressesOf(first), { clock, random: () => 0.5 })
    network.after(() => {
      supervisor.stop()
    })
    const hasAddress = (): boolean => addressesOf(node).some((address) => address.includes('/p2p-circuit'))
    await until(() => supervisor.state.kind === 'connected' && hasAddress(), 'connected with an address')

    await first.stop()
    await until(() => supervisor.state.kind === 'waiting' && !hasAddress(), 'the loss is noticed')
    for (let round = 0; round < 8; round++) {
      const before = supervisor.state
      clock.advance(clock.pending()[0] ?? 0)
      await until(() => supervisor.state !== before && supervisor.state.kind === 'waiting', 'another attempt failed')
    }

    await network.relay({ peerKey, listen })
    clock.advance(clock.pending()[0] ?? 0)
    await until(() => supervisor.state.kind === 'connected', 'connected again')
    await until(hasAddress, 'the address is back')
  }, 60_000)
})
