import { describe, expect, it } from 'vitest'
import { installRtcDialShim } from './rtc-dial-shim.ts'

class FakeChannel extends EventTarget {
  readyState = 'connecting'
  readonly label: string
  constructor(label: string) {
    super()
    this.label = label
  }
  move(state: 'open' | 'closed', event: 'open' | 'close'): void {
    this.readyState = state
    this.dispatchEvent(new Event(event))
  }
}

class FakeConnection {
  createDataChannel(label: string): FakeChannel {
    return new FakeChannel(label)
  }
}

function heardLate(label: string, type: string, options?: AddEventListenerOptions): Promise<number> {
  installRtcDialShim(FakeConnection.prototype)
  installRtcDialShim(FakeConnection.prototype)
  const channel = new FakeConnection().createDataChannel(label)
  channel.move('open', 'open')
  channel.move('closed', 'close')
  let heard = 0
  channel.addEventListener(
    type,
    () => {
      heard++
    },
    options
  )
  return Promise.resolve()
    .then(() => Promise.resolve())
    .then(() => heard)
}

describe('installRtcDialShim', () => {
  it('tells a latecomer on the init channel that it opened and closed, once', async () => {
    expect(await heardLate('init', 'open', { once: true })).toBe(1)
    expect(await heardLate('init', 'close')).toBe(1)
  })

  it('leaves every other channel and event alone', async () => {
    expect(await heardLate('data', 'open')).toBe(0)
    expect(await heardLate('init', 'message')).toBe(0)
  })

  it('still tells those who came in time, once', () => {
    installRtcDialShim(FakeConnection.prototype)
    const channel = new FakeConnection().createDataChannel('init')
    let heard = 0
    channel.addEventListener('open', () => {
      heard++
    })
    channel.move('open', 'open')
    expect(heard).toBe(1)
  })
})
