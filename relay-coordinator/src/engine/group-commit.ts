/**
 * The serial heart of a running coordinator: decisions are taken one after the other in memory; what they decide reaches the disk
 * in groups, and each answer waits for its group. Requests that arrive together cost one transaction.
 */
import { PeerComputeError } from '@peercompute/job-specs'
import {
  evolve,
  markConnected,
  rebuild,
  type Context,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStore,
  type CustomComparison,
  type Decider
} from '../core/index.ts'

interface Waiting {
  readonly settle: () => void
  readonly fail: (error: Error) => void
}

export interface GroupCommitInit {
  readonly store: CoordinatorStore
  readonly context: () => Context
  /** See CoordinatorState. */
  readonly custom: CustomComparison | undefined
  /** Called after each commit with what has become true. */
  readonly onCommitted: (events: readonly CoordinatorEvent[]) => void
}

/** After the requests that have arrived by now; in a page, whose store is its memory, after those of this turn. */
const soon: (task: () => void) => void = typeof setImmediate === 'function' ? (task) => void setImmediate(task) : queueMicrotask

export class GroupCommit {
  readonly #init: GroupCommitInit
  #state: CoordinatorState
  #events: CoordinatorEvent[] = []
  #waiting: Waiting[] = []
  #scheduled = false

  constructor(init: GroupCommitInit) {
    this.#init = init
    this.#state = rebuild(init.store.load(), init.custom)
  }

  /** Includes decisions whose transaction is still to come; never acknowledge from it. */
  get state(): CoordinatorState {
    return this.#state
  }

  /** Resolves when the decision, and everything decided before it, is on disk. */
  execute<Command, Answer>(decider: Decider<Command, Answer>, command: Command): Promise<Answer> {
    const decision = decider(this.#state, command, this.#init.context())
    if (!decision.ok) return Promise.reject(new PeerComputeError(decision.code, decision.detail))
    for (const event of decision.events) {
      evolve(this.#state, event)
      this.#events.push(event)
    }
    if (this.#events.length === 0) return Promise.resolve(decision.answer)
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        settle: () => {
          resolve(decision.answer)
        },
        fail: reject
      })
      if (this.#scheduled) return
      this.#scheduled = true
      soon(() => {
        this.flush()
      })
    })
  }

  /** What would be answered now. Nothing happens. Throws the refusal. */
  preview<Command, Answer>(decider: Decider<Command, Answer>, command: Command): Answer {
    const decision = decider(this.#state, command, this.#init.context())
    if (!decision.ok) throw new PeerComputeError(decision.code, decision.detail)
    return decision.answer
  }

  /** Commits now. On failure nothing of the group has happened: the state goes back to what is on disk. */
  flush(): void {
    this.#scheduled = false
    const events = this.#events
    const waiting = this.#waiting
    this.#events = []
    this.#waiting = []
    if (events.length === 0) return
    try {
      this.#init.store.commit(events, this.#state)
    } catch (cause) {
      this.#goBack()
      const error = cause instanceof PeerComputeError ? cause : new PeerComputeError('INTERNAL', 'the transaction failed', { cause })
      for (const { fail } of waiting) fail(error)
      return
    }
    for (const { settle } of waiting) settle()
    this.#init.onCommitted(events)
  }

  #goBack(): void {
    const connected = [...this.#state.hosts.values()].filter((host) => host.connected)
    this.#state = rebuild(this.#init.store.load(), this.#init.custom)
    markConnected(
      this.#state,
      connected.map(({ host }) => host)
    )
    for (const { host, resumes } of connected) {
      const entry = this.#state.hosts.get(host)
      if (entry !== undefined) entry.resumes = resumes
    }
  }
}
