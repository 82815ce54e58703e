import { describe, expect, it } from 'vitest'
import { keepConnected, type Link, type RelayState } from './keep-connected.ts'
import { createFakeClock } from './testing/fake-clock.ts'
import { until } from './testing/until.ts'

/** A relay that the test opens and closes. */
function createRelay() {
  const relay = {
    up: true,
    links: 0,
    closed: 0,
    drop: (): void => undefined,
    connect: (): Promise<Link> => {
      if (!relay.up) return Promise.reject(new Error('refused'))
      relay.links++
      const link: Link = {
        peer: 'relay',
        address: '/memory/relay',
        onClose: (listener) => {
          relay.drop = listener
        },
        close: () => {
          relay.closed++
        }
      }
      return Promise.resolve(link)
    }
  }
  return relay
}

function supervise(relay: ReturnType<typeof createRelay>) {
  const clock = createFakeClock()
  const states: RelayState[] = []
  const supervisor = keepConnected(relay.connect, { clock, random: () => 0.999_999, onState: (state) => states.push(state) })
  const waits = (): number[] => states.flatMap((state) => (state.kind === 'waiting' ? [state.delayMs] : []))
  const connected = (): Promise<void> => until(() => supervisor.state.kind === 'connected', 'connected')
  return { clock, supervisor, waits, connected }
}

describe('keepConnected', () => {
  it('dials within 250 ms when a good connection was lost, whatever it took to get it', async () => {
    const relay = createRelay()
    relay.up = false
    const { clock, supervisor, waits, connected } = supervise(relay)
    for (let round = 1; round <= 5; round++) {
      await until(() => waits().length === round)
      clock.advance(clock.pending()[0] ?? 0)
    }
    relay.up = true
    await until(() => waits().length === 6)
    clock.advance(clock.pending()[0] ?? 0)
    await connected()
    clock.advance(5_000)
    relay.drop()
    expect(waits()).toEqual([499, 999, 1_999, 3_999, 7_999, 9_999, 249])
    supervisor.stop()
  })

  it('waits longer and longer for a relay that accepts and hangs up', async () => {
    const relay = createRelay()
    const { clock, supervisor, waits, connected } = supervise(relay)
    for (let round = 0; round < 7; round++) {
      await connected()
      relay.drop()
      clock.advance(clock.pending()[0] ?? 0)
    }
    expect(waits()).toEqual([499, 999, 1_999, 3_999, 7_999, 9_999, 9_999])
    supervisor.stop()
  })

  it('stays away once cut, until it is nudged', async () => {
    const relay = createRelay()
    const { clock, supervisor, connected } = supervise(relay)
    await connected()
    const { drop } = relay
    supervisor.cut()
    drop()
    clock.advance(60_000)
    expect([supervisor.state.kind, relay.closed, relay.links, clock.pending()]).toEqual(['cut', 1, 1, []])
    supervisor.nudge()
    await connected()
    expect(relay.links).toBe(2)
    supervisor.stop()
    supervisor.cut()
    supervisor.nudge()
    expect(supervisor.state.kind).toBe('stopped')
  })

  it('closes a connection that comes after the cut', async () => {
    const relay = createRelay()
    const { supervisor } = supervise(relay)
    supervisor.cut()
    await until(() => relay.closed === 1)
    expect(supervisor.state.kind).toBe('cut')
  })
})
