/** The browser's own parts under the live stream. */
import { liveEventSchema, type LiveEvent } from '@peercompute/job-specs'
import { EVENTS_PATH } from './api.ts'
import { LIVE_CHANNEL, type LiveParts } from './live-stream.ts'

const eventNames = liveEventSchema.options.map((option) => option.shape.event.value)

function openSource(
  onOpen: () => void,
  onEvent: (name: LiveEvent['event'], data: string) => void,
  onError: () => void
): { close: () => void } {
  const source = new EventSource(EVENTS_PATH)
  source.onopen = onOpen
  source.onerror = onError
  for (const name of eventNames)
    source.addEventListener(name, (event) => {
      onEvent(name, String(event.data))
    })
  return source
}

export const browserParts: LiveParts = {
  openSource,
  // Missing at run time on insecure origins, whatever the type says.
  locks: 'locks' in navigator ? navigator.locks : null,
  channel: () => new BroadcastChannel(LIVE_CHANNEL),
  isHidden: () => document.visibilityState === 'hidden',
  onVisibility: (listener) => {
    document.addEventListener('visibilitychange', listener)
    return () => {
      document.removeEventListener('visibilitychange', listener)
    }
  },
  now: () => Date.now(),
  random: () => Math.random(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms)
    return () => {
      clearTimeout(timer)
    }
  }
}
