/** What an engine does around the core: applies events, and after each decision reopens what is no longer believed. No disk, no network. */
import type { HostId, JobId, SignedSpec } from '@peercompute/job-specs'
import {
  auditsDue,
  DEFAULT_POLICY,
  decideBanSwept,
  decideReopen,
  decideSubmit,
  decidedOnlyByBanned,
  emptyState,
  evolve,
  unsweptBans,
  type Audit,
  type Context,
  type CoordinatorEvent,
  type CoordinatorState,
  type Decider,
  type SettledUnit
} from '../core/index.ts'
import type { Random } from './random.ts'
import { SettledBooks } from './settled-books.ts'

/** Epoch milliseconds at which every simulation begins. */
const BEGINNING = 1_700_000_000_000

export interface Counts {
  readonly doubted: number
  readonly banned: number
}

export class SimulatedEngine {
  readonly state: CoordinatorState = emptyState()
  readonly books = new SettledBooks()
  readonly #job: JobId
  readonly #random: Random
  readonly #onBan: (host: HostId) => void
  readonly #audits: Audit[] = []
  #unswept = false
  #now = BEGINNING
  #reopened = { doubted: 0, banned: 0 }

  constructor({ job, signed }: { readonly job: JobId; readonly signed: SignedSpec }, random: Random, onBan: (host: HostId) => void) {
    this.#job = job
    this.#random = random
    this.#onBan = onBan
    this.execute(decideSubmit, { type: 'submit', job, signed, custodial: false, missingBlobs: [], held: false })
  }

  get now(): number {
    return this.#now
  }

  /** Units that were reopened, by cause. */
  get reopened(): Counts {
    return this.#reopened
  }

  /** Milliseconds. */
  pass(ms: number): void {
    this.#now += ms
  }

  passUntil(at: number): void {
    this.#now = Math.max(this.#now, at)
  }

  /** Throws when the core refuses. */
  execute<Command, Answer>(decider: Decider<Command, Answer>, command: Command): Answer {
    const context: Context = { now: this.#now, random: this.#random, policy: DEFAULT_POLICY }
    const decision = decider(this.state, command, context)
    if (!decision.ok) throw new Error(`The core refused: ${decision.code}, ${decision.detail}`)
    for (const event of decision.events) this.#apply(event)
    this.#audits.push(...auditsDue(this.state, decision.events))
    return decision.answer
  }

  #apply(event: CoordinatorEvent): void {
    evolve(this.state, event)
    this.books.apply(event)
    if (event.type === 'host-banned') {
      this.#unswept = true
      this.#onBan(event.host)
    }
    if (event.type === 'units-reopened') this.#reopened[event.cause] += event.units.length
  }

  /** What an engine does after decisions: it looks in its store for units that are doubted, and for those that only banned hosts decided. */
  followUp(): void {
    while (this.#audits.length > 0 || this.#unswept) {
      for (const { job, units } of this.#audits.splice(0)) this.#reopen(job, 'doubted', this.books.unitsAt(units))
      if (!this.#unswept) continue
      this.#unswept = false
      for (const host of unsweptBans(this.state)) this.#sweep(host)
    }
  }

  #sweep(host: HostId): void {
    const units = this.books.unitsOf(host).filter(({ votes }) => decidedOnlyByBanned(this.state, votes))
    this.#reopen(this.#job, 'banned', units)
    this.execute(decideBanSwept, { type: 'ban-swept', host })
  }

  #reopen(job: JobId, cause: 'doubted' | 'banned', units: readonly SettledUnit[]): void {
    if (units.length > 0) this.execute(decideReopen, { type: 'reopen', job, cause, units })
  }
}
