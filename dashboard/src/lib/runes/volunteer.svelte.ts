/** The volunteer of this browser, for every page: its state, its verbs, and its units as they come. */
import { isLending, NOBODY, type UnitNews, type VolunteerCommand, type VolunteerSnapshot } from '../models/volunteer.ts'
import type { NetworkNode } from '../models/network/node.ts'
import { markCopy } from '../services/copy-mark.ts'
import { createVolunteerClient, type VolunteerClient } from '../services/volunteer-client.ts'
import { throttled } from '../services/throttle.ts'
import { browserVolunteerParts, joinVolunteerTabs, type VolunteerTabs } from '../services/volunteer-tabs.ts'

const CONSENT_KEY = 'peercompute.consent'
/** Raise it when what a volunteer agrees to changes; everybody is asked again. */
const CONSENT_VERSION = '1'
/** The sentence of the first page changes with it. */
const CURRENT_EVERY_MS = 1_000
const COPY_EVERY_MS = 2_000

class Volunteer {
  snapshot = $state.raw<VolunteerSnapshot>(NOBODY)
  /** Another tab computes; this one shows what it does. */
  elsewhere = $state(false)
  /** The unit last finished here; at most once a second. */
  current = $state.raw<{ readonly job: string; readonly unit: number } | null>(null)
  consented = $state(localStorage.getItem(CONSENT_KEY) === CONSENT_VERSION)
  startedAtMs = $state<number | null>(null)
  readonly lending = $derived(isLending(this.snapshot.phase))
  #last: UnitNews | null = null
  readonly #showLast = throttled(CURRENT_EVERY_MS, () => {
    if (this.#last !== null && this.lending) this.current = { job: this.#last.job, unit: this.#last.unit }
  })
  readonly #listeners = new Set<(news: UnitNews) => void>()
  readonly #networkListeners = new Set<(node: NetworkNode | null) => void>()
  #network: NetworkNode | null = null
  #tabs: VolunteerTabs | null = null

  /** Joins the other tabs. Returns the function that leaves them. */
  join(): () => void {
    if (!window.isSecureContext) return () => undefined
    const tabs = joinVolunteerTabs(
      browserVolunteerParts(() => this.#create()),
      {
        onSnapshot: (snapshot, elsewhere) => {
          if (!isLending(snapshot.phase)) this.current = null
          if (isLending(snapshot.phase) && !isLending(this.snapshot.phase)) this.startedAtMs = Date.now()
          this.snapshot = snapshot
          this.elsewhere = elsewhere
        },
        onUnit: (news) => {
          this.#last = news
          this.#showLast()
          for (const listener of this.#listeners) listener(news)
        }
      }
    )
    this.#tabs = tabs
    return () => {
      tabs.end()
    }
  }

  /** Of the node with which this tab lends the computer; null while it does not. Told at once. */
  onNetwork(listener: (node: NetworkNode | null) => void): () => void {
    this.#networkListeners.add(listener)
    listener(this.#network)
    return () => {
      this.#networkListeners.delete(listener)
    }
  }

  onUnit(listener: (news: UnitNews) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Remembers that the volunteer has read what runs, how much, what is kept and how to stop. */
  consent(): void {
    localStorage.setItem(CONSENT_KEY, CONSENT_VERSION)
    this.consented = true
  }

  async start(takeOver = false): Promise<void> {
    // A press of Start stands behind this: browsers that ask the person do so now.
    void import('../services/storage.ts').then(({ askToPersist }) => askToPersist())
    await this.#tabs?.start(takeOver)
  }

  async command(command: VolunteerCommand): Promise<void> {
    await this.#tabs?.command(command)
  }

  async #create(): Promise<VolunteerClient> {
    const client = await createVolunteerClient()
    client.onNetwork((node) => {
      this.#network = node
      for (const listener of [...this.#networkListeners]) listener(node)
    })
    client.onLedger(throttled(COPY_EVERY_MS, markCopy))
    return client
  }
}

export const volunteer = new Volunteer()
