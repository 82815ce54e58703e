/**
 * Works around a race in @libp2p/webrtc 6.0.33 that makes a third of all direct dials fail in Chromium, and in
 * Node about one of ten to a browser: the responder closes
 * the `init` channel at once, the initiator may find it already closed, and then waits for an `open` or `close` event that has
 * long passed (measured: 13 of 20 dials succeeded without this, 20 of 20 with it). For channels labelled `init`, a listener that
 * comes too late is told in a microtask what has already happened. Remove when the library checks the state itself.
 */
interface Channel extends EventTarget {
  readonly label: string
  readonly readyState: string
}
interface ChannelMaker {
  createDataChannel: (this: ChannelMaker, label: string, init?: RTCDataChannelInit) => Channel
}

const PATCHED = Symbol.for('peercompute.rtc-dial-shim')

/** Patches the prototype of an RTCPeerConnection once. */
export function installRtcDialShim(prototype: ChannelMaker): void {
  if (PATCHED in prototype) return
  const create = prototype.createDataChannel
  prototype.createDataChannel = function (label, init) {
    const channel = create.call(this, label, init)
    if (label === 'init') tellLatecomers(channel)
    return channel
  }
  Object.defineProperty(prototype, PATCHED, { value: true })
}

function tellLatecomers(channel: Channel): void {
  const passed = new Set<string>()
  channel.addEventListener('open', () => {
    passed.add('open')
  })
  channel.addEventListener('close', () => {
    passed.add('open').add('close')
  })
  const listen = channel.addEventListener.bind(channel)
  channel.addEventListener = (
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions
  ) => {
    listen(type, listener, options)
    if (listener === null || !(passed.has(type) || (type === 'close' && channel.readyState === 'closed'))) return
    queueMicrotask(() => {
      channel.removeEventListener(type, listener, options)
      const event = new Event(type)
      if (typeof listener === 'function') listener.call(channel, event)
      else listener.handleEvent(event)
    })
  }
}
