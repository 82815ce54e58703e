/**
 * One stream of server-sent events for all tabs of a browser. The tab that holds the Web Lock reads the stream and hands
 * every event on over a BroadcastChannel. A tab that is hidden lets go when another one waits, because hidden tabs are
 * throttled; a tab that closes lets go by closing. Without Web Locks (an insecure origin) each tab reads its own stream.
 *
 *   follower ──lock granted──▶ leader ──hidden and somebody waits──▶ follower
 */
import { liveEventSchema, type LiveEvent } from '@peercompute/job-specs'
import { backoffMs } from './backoff.ts'

export type LiveStatus = 'connecting' | 'live' | 'lost'
export interface LiveNote {
  readonly status: LiveStatus
  readonly atMs: number
  readonly retryAtMs: number | null
}

/** The few parts of the browser that the stream stands on. */
export interface LiveParts {
  readonly openSource: (
    onOpen: () => void,
    onEvent: (name: LiveEvent['event'], data: string) => void,
    onError: () => void
  ) => { close: () => void }
  readonly locks: Pick<LockManager, 'request' | 'query'> | null
  readonly channel: () => Pick<BroadcastChannel, 'postMessage' | 'close'> & { onmessage: ((event: MessageEvent) => void) | null }
  readonly isHidden: () => boolean
  readonly onVisibility: (listener: () => void) => () => void
  readonly now: () => number
  readonly random: () => number
  readonly after: (ms: number, task: () => void) => () => void
}

export interface LiveListener {
  onEvent(event: LiveEvent): void
  /** A fresh connection: events may have been missed, so read what you show again. */
  onResync(): void
  onStatus(note: LiveNote): void
}

const LOCK = 'peercompute.events'
export const LIVE_CHANNEL = 'peercompute.events'
const RETRY = { firstMs: 1_000, capMs: 30_000 }
/** How often a hidden leader looks whether somebody waits for its place. */
const HANDOVER_MS = 1_000

type Hint =
  | { readonly kind: 'event'; readonly event: LiveEvent }
  | { readonly kind: 'resync' }
  | { readonly kind: 'status'; readonly note: LiveNote }
  | { readonly kind: 'hello' }

/** Returns the function that ends it. */
export function followLive(parts: LiveParts, listener: LiveListener): () => void {
  const ended = new AbortController()
  const channel = parts.channel()
  let note: LiveNote = { status: 'connecting', atMs: parts.now(), retryAtMs: null }
  let stepDown: (() => void) | null = null

  const deliver = (hint: Hint, share: boolean) => {
    if (share) channel.postMessage(hint)
    if (hint.kind === 'event') listener.onEvent(hint.event)
    if (hint.kind === 'resync') listener.onResync()
    if (hint.kind === 'status') listener.onStatus(hint.note)
  }

  channel.onmessage = (message) => {
    // Same origin and same build: the leader has already checked the event against its schema.
    const hint = message.data as Hint
    if (hint.kind !== 'hello') deliver(hint, false)
    else if (stepDown !== null) channel.postMessage({ kind: 'status', note } satisfies Hint)
  }

  const lead = (): Promise<void> =>
    new Promise((resolve) => {
      const { stop } = readStream(parts, (hint) => {
        if (hint.kind === 'status') note = hint.note
        deliver(hint, true)
      })
      let cancelWatch: () => void = () => undefined
      const watch = () => {
        cancelWatch()
        if (!parts.isHidden() || parts.locks === null) return
        void somebodyWaits(parts.locks).then((waiting) => {
          if (waiting) stepDown?.()
          else if (stepDown !== null) cancelWatch = parts.after(HANDOVER_MS, watch)
        })
      }
      const unwatch = parts.onVisibility(watch)
      stepDown = () => {
        stepDown = null
        cancelWatch()
        unwatch()
        stop()
        resolve()
      }
      ended.signal.addEventListener('abort', () => stepDown?.(), { once: true })
      watch()
    })

  const queue = async () => {
    const { locks } = parts
    if (locks === null) return lead()
    while (!ended.signal.aborted) await locks.request(LOCK, { signal: ended.signal }, () => (ended.signal.aborted ? undefined : lead()))
  }
  queue().catch((error: unknown) => {
    if (!ended.signal.aborted) throw error
  })
  channel.postMessage({ kind: 'hello' } satisfies Hint)

  return () => {
    ended.abort()
    channel.close()
  }
}

async function somebodyWaits(locks: Pick<LockManager, 'query'>): Promise<boolean> {
  const { pending } = await locks.query()
  return pending?.some((lock) => lock.name === LOCK) ?? false
}

/** Reads the stream for ever, with backoff after each loss. */
function readStream(parts: LiveParts, tell: (hint: Hint) => void): { stop: () => void } {
  let source: { close: () => void } | null = null
  let cancelRetry: () => void = () => undefined
  let stopped = false
  let attempt = 0
  const status = (state: LiveStatus, retryAtMs: number | null) => {
    tell({ kind: 'status', note: { status: state, atMs: parts.now(), retryAtMs } })
  }

  const open = () => {
    if (stopped) return
    source = parts.openSource(
      () => {
        attempt = 0
        status('live', null)
        tell({ kind: 'resync' })
      },
      (name, data) => {
        const event = parseEvent(name, data)
        if (event !== null) tell({ kind: 'event', event })
      },
      () => {
        if (stopped || source === null) return
        source.close()
        source = null
        const waitMs = backoffMs(attempt++, RETRY, parts.random)
        status('lost', parts.now() + waitMs)
        cancelRetry = parts.after(waitMs, open)
      }
    )
  }
  open()
  return {
    stop: () => {
      stopped = true
      cancelRetry()
      source?.close()
      source = null
    }
  }
}

/** Null for what this page does not know: a newer coordinator may send more. */
export function parseEvent(name: string, data: string): LiveEvent | null {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return null
  }
  const parsed = liveEventSchema.safeParse({ event: name, data: value })
  return parsed.success ? parsed.data : null
}
