/**
 * One computing tab for each browser profile. The tab that computes holds a Web Lock and tells the others what it does over a
 * BroadcastChannel; they show the same and send their commands to it. When it closes, its lock falls to the next in line.
 */
import { isLending, NOBODY, type UnitNews, type VolunteerCommand, type VolunteerSnapshot } from '../models/volunteer.ts'
import type { VolunteerClient } from './volunteer-client.ts'

/** The name that the volunteer library asks of every page that lends a tab. */
const LOCK = 'peercompute-computing'
const CHANNEL = 'peercompute.computing'
/** How long another tab may take to let go. */
const HANDOVER_MS = 15_000

type Message =
  | { readonly kind: 'hello' }
  | { readonly kind: 'snapshot'; readonly snapshot: VolunteerSnapshot }
  | { readonly kind: 'unit'; readonly news: UnitNews }
  | { readonly kind: 'command'; readonly command: VolunteerCommand }

/** What of a client is known in every tab. */
export type TabClient = Omit<VolunteerClient, 'onNetwork' | 'onLedger'>

export interface VolunteerTabsParts {
  /** Null in browsers without Web Locks: nothing then keeps two tabs apart but the one that is told of the other. */
  readonly locks: Pick<LockManager, 'request'> | null
  readonly channel: () => BroadcastChannel
  readonly createClient: () => Promise<TabClient>
}

export interface VolunteerTabsListener {
  onSnapshot(snapshot: VolunteerSnapshot, elsewhere: boolean): void
  onUnit(news: UnitNews): void
}

export interface VolunteerTabs {
  /** Begins here. With `takeOver`, the tab that computes is stopped first. */
  start(takeOver: boolean): Promise<void>
  /** Goes to whichever tab computes. */
  command(command: VolunteerCommand): Promise<void>
  end(): void
}

export const browserVolunteerParts = (createClient: () => Promise<TabClient>): VolunteerTabsParts => ({
  locks: 'locks' in navigator ? navigator.locks : null,
  channel: () => new BroadcastChannel(CHANNEL),
  createClient
})

export function joinVolunteerTabs(parts: VolunteerTabsParts, listener: VolunteerTabsListener): VolunteerTabs {
  const channel = parts.channel()
  const post = (message: Message) => {
    channel.postMessage(message)
  }
  let client: TabClient | null = null
  let starting = false
  let watching: AbortController | null = null
  let elsewhere = false
  const show = (snapshot: VolunteerSnapshot, there: boolean) => {
    elsewhere = there
    listener.onSnapshot(snapshot, there)
  }

  /** The lock comes free when the other tab has gone, however it went. */
  const watchOther = () => {
    if (watching !== null || parts.locks === null) return
    const watch = new AbortController()
    watching = watch
    parts.locks
      .request(LOCK, { signal: watch.signal }, () => {
        if (elsewhere) show(NOBODY, false)
      })
      .catch(() => undefined)
      .finally(() => {
        if (watching === watch) watching = null
      })
  }

  channel.onmessage = (event) => {
    const message = event.data as Message
    if (message.kind === 'hello' && client !== null) post({ kind: 'snapshot', snapshot: client.snapshot() })
    if (message.kind === 'command' && client !== null) void client[message.command]()
    if (client !== null || starting) return
    if (message.kind === 'snapshot') {
      const there = isLending(message.snapshot.phase) || message.snapshot.phase === 'paused'
      if (there) watchOther()
      show(message.snapshot, there)
    }
    if (message.kind === 'unit') listener.onUnit(message.news)
  }
  post({ kind: 'hello' })

  const tell = (snapshot: VolunteerSnapshot) => {
    post({ kind: 'snapshot', snapshot })
    show(snapshot, false)
  }

  /** Runs while the lock is held; ends when the client has stopped. */
  const compute = async (): Promise<void> => {
    tell({ ...NOBODY, phase: 'starting' })
    const created = await parts.createClient()
    await new Promise<void>((resolve, reject) => {
      client = created
      const leave = [
        created.onChange(() => {
          const snapshot = created.snapshot()
          tell(snapshot)
          if (snapshot.phase !== 'stopped' && snapshot.phase !== 'failed') return
          for (const stop of leave) stop()
          client = null
          resolve()
        }),
        created.onUnit((news) => {
          post({ kind: 'unit', news })
          listener.onUnit(news)
        })
      ]
      try {
        created.start()
      } catch (error) {
        client = null
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
  }

  const start = async (takeOver: boolean): Promise<void> => {
    if (client !== null || starting) return
    starting = true
    watching?.abort()
    watching = null
    if (takeOver) post({ kind: 'command', command: 'stop' })
    const options: LockOptions = takeOver ? { signal: AbortSignal.timeout(HANDOVER_MS) } : { ifAvailable: true }
    try {
      if (parts.locks === null) {
        // The tab that computes has said so. That it has gone is not learnt without a lock: then "Compute here instead" decides.
        if (takeOver || !elsewhere) await compute()
        return
      }
      await parts.locks.request(LOCK, options, async (lock) => {
        if (lock !== null) return compute()
        starting = false
        post({ kind: 'hello' })
        watchOther()
        return undefined
      })
    } catch (error) {
      const failure =
        error instanceof DOMException && error.name === 'TimeoutError'
          ? 'The other tab did not stop. Close it, then press Start.'
          : String(error instanceof Error ? error.message : error)
      tell({ ...NOBODY, phase: 'failed', failure })
    } finally {
      starting = false
    }
  }

  return {
    start,
    command: async (command) => {
      if (client !== null) await client[command]()
      else post({ kind: 'command', command })
    },
    end: () => {
      watching?.abort()
      channel.close()
    }
  }
}
