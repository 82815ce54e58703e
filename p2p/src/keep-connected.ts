/** Keeps one link, for ever. */
import { ALONE, redialDelay, type Crowd } from './redial-delay.ts'
import { reasonOf } from './reason-of.ts'
import { GOOD_CONNECTION_MS } from './settings.ts'
import { systemClock, type Clock, type Random } from './time/clock.ts'

export type RelayState =
  | { readonly kind: 'connecting'; readonly attempt: number }
  | { readonly kind: 'connected'; readonly peer: string; readonly address: string }
  /** `cause` says why there is no connection now, in a few words. */
  | { readonly kind: 'waiting'; readonly attempt: number; readonly delayMs: number; readonly cause: string }
  /** Closed by hand; `nudge` dials again. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'stopped' }

export interface SuperviseOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** The clients of this relay, asked when it is lost: the larger the crowd, the wider its return is spread. */
  readonly crowd?: () => Crowd
  readonly onState?: (state: RelayState) => void
}

export interface RelaySupervisor {
  readonly state: RelayState
  /** Ends a wait now, e.g. when the browser says that it is online again. */
  readonly nudge: () => void
  /** Closes the connection and dials no more until it is nudged. */
  readonly cut: () => void
  /** Gives up, and leaves an open connection as it is. */
  readonly stop: () => void
}

/** An open connection. */
export interface Link {
  readonly peer: string
  readonly address: string
  /** Calls back once, at once when it is closed already. */
  onClose(listener: () => void): void
  close(): void
}

/**
 * Connects, watches the link, and connects again when it is lost, without end; see `redialDelay` for the waits. A link that
 * breaks soon counts as one more failed attempt: who accepts and hangs up is not dialled in a tight loop.
 */
export function keepConnected(connect: (signal: AbortSignal) => Promise<Link>, options: SuperviseOptions = {}): RelaySupervisor {
  const { clock = systemClock, random = Math.random, crowd: crowdNow = () => ALONE, onState } = options
  let state: RelayState = { kind: 'connecting', attempt: 0 }
  /** Of the dial or link that counts now. */
  let current = new AbortController()
  let link: Link | undefined
  let cancelWait: (() => void) | undefined
  let crowd = ALONE

  function enter(next: RelayState): void {
    state = next
    onState?.(next)
  }

  async function dial(attempt: number): Promise<void> {
    cancelWait = undefined
    const mine = new AbortController()
    current = mine
    enter({ kind: 'connecting', attempt })
    try {
      const opened = await connect(mine.signal)
      if (mine.signal.aborted) {
        if (state.kind === 'cut') opened.close()
        return
      }
      link = opened
      const since = clock.now()
      enter({ kind: 'connected', peer: opened.peer, address: opened.address })
      opened.onClose(() => {
        if (mine.signal.aborted) return
        link = undefined
        const good = clock.now() - since >= GOOD_CONNECTION_MS
        const seen = crowdNow()
        // with a link that was lost soon, the others of the crowd may have been lost as well
        if (good || seen.size > crowd.size) crowd = seen
        wait(good ? 0 : attempt + 1, 'the connection closed')
      })
    } catch (error) {
      if (!mine.signal.aborted) wait(attempt + 1, reasonOf(error))
    }
  }

  function wait(attempt: number, cause: string): void {
    const delayMs = redialDelay({ attempt, crowd, now: clock.now(), random })
    enter({ kind: 'waiting', attempt, delayMs, cause })
    cancelWait = clock.schedule(delayMs, () => void dial(attempt))
  }

  function halt(): void {
    current.abort()
    cancelWait?.()
    cancelWait = undefined
  }

  void dial(0)

  return {
    get state() {
      return state
    },
    nudge() {
      if (state.kind !== 'waiting' && state.kind !== 'cut') return
      cancelWait?.()
      void dial(state.kind === 'waiting' ? state.attempt : 0)
    },
    cut() {
      if (state.kind === 'stopped') return
      halt()
      enter({ kind: 'cut' })
      link?.close()
      link = undefined
    },
    stop() {
      if (state.kind === 'stopped') return
      halt()
      enter({ kind: 'stopped' })
    }
  }
}
