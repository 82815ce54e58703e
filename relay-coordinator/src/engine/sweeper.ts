/**
 * Searches the store for settled units that are no longer believed, in slices of a few milliseconds: those of which a host's first
 * failure makes doubtful, and those that only banned hosts decided. What a reducer cannot take back is folded anew. It goes on after a
 * restart, because the store knows which bans have been dealt with and which jobs wait to be folded.
 */
import { emptyReduced, PeerComputeError, reduceUnit, type HostId, type JobId, type Reduced } from '@peercompute/job-specs'
import {
  auditsDue,
  decideBanSwept,
  decideReduceAnew,
  decideReopen,
  decidedOnlyByBanned,
  unsweptBans,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStore,
  type JobEntry,
  type SettledUnit
} from '../core/index.ts'
import type { GroupCommit } from './group-commit.ts'
import { SlicedUnits } from './sliced-units.ts'

/** After a failure, a full disk for example. */
export const SWEEP_RETRY_MS = 5_000

export interface SweeperInit {
  readonly store: Pick<CoordinatorStore, 'settledUnits'>
  readonly commits: Pick<GroupCommit, 'state' | 'execute'>
  readonly onFault: (error: unknown) => void
}

/** A walk through the settled units of jobs, for all the bans that there were when it began. */
interface Pass {
  readonly hosts: readonly HostId[]
  readonly jobs: JobId[]
  units: SlicedUnits | null
}

interface Fold {
  readonly units: SlicedUnits
  reduced: Reduced
}

export class Sweeper {
  readonly #init: SweeperInit
  readonly #doubted = new Map<JobId, Set<number>>()
  readonly #folds = new Map<JobId, Fold>()
  #pass: Pass | null = null
  /** Banned hosts that wait for a pass. Only bans that are on disk: then so is all that those hosts have decided. */
  #banned: readonly HostId[]
  /** Whether a job may wait to be folded. */
  #unfolded = true
  #working = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(init: SweeperInit) {
    this.#init = init
    this.#banned = unsweptBans(this.#state)
    this.#start()
  }

  /** After each commit. */
  committed(events: readonly CoordinatorEvent[]): void {
    for (const { job, units } of auditsDue(this.#state, events)) {
      const known = this.#doubted.get(job) ?? new Set()
      this.#doubted.set(job, known)
      for (const unit of units) known.add(unit)
    }
    for (const { type } of events) {
      if (type === 'host-banned') this.#banned = unsweptBans(this.#state)
      this.#unfolded ||= type === 'units-reopened'
    }
    this.#start()
  }

  /** Nothing is asked of the store afterwards. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  get #state(): CoordinatorState {
    return this.#init.commits.state
  }

  #start(): void {
    if (this.#working || this.#closed || this.#timer !== undefined) return
    if (this.#doubted.size === 0 && this.#banned.length === 0 && !this.#unfolded) return
    this.#working = true
    void this.#work().finally(() => {
      this.#working = false
      // What came while the last step ended.
      this.#start()
    })
  }

  async #work(): Promise<void> {
    try {
      do await this.#rest()
      while (!this.#closed && (await this.#step()))
    } catch (error) {
      if (this.#closed) return
      this.#banned = [...new Set([...(this.#pass?.hosts ?? []), ...this.#banned])]
      this.#unfolded = true
      this.#pass = null
      this.#folds.clear()
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#start()
      }, SWEEP_RETRY_MS)
      // Of a full disk the next request tells.
      if (!(error instanceof PeerComputeError) || error.code !== 'STORE_FULL') this.#init.onFault(error)
    }
  }

  /** Lets everything else that waits have its turn. */
  #rest(): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve)
    })
  }

  /** One slice. False when nothing is left to do. */
  async #step(): Promise<boolean> {
    const [doubted] = this.#doubted.keys()
    if (doubted !== undefined) await this.#reopenDoubted(doubted)
    else if (this.#passDue()) await this.#sweepOn()
    else {
      const job = this.#foldDue()
      if (job === undefined) {
        this.#unfolded = false
        return false
      }
      await this.#foldOn(job)
    }
    return true
  }

  async #reopenDoubted(job: JobId): Promise<void> {
    const units = this.#doubted.get(job) ?? new Set()
    this.#doubted.delete(job)
    const found = [...units].flatMap((unit) => this.#init.store.settledUnits(job, unit, 1).filter((settled) => settled.unit === unit))
    await this.#reopen(job, 'doubted', found)
  }

  #passDue(): boolean {
    if (this.#pass !== null) return true
    const hosts = this.#banned.filter((host) => this.#state.trust.bans.get(host)?.swept === false)
    this.#banned = []
    if (hosts.length === 0) return false
    this.#pass = { hosts, jobs: [...this.#state.jobs.values()].filter(mayBeReopened).map(({ id }) => id), units: null }
    return true
  }

  async #sweepOn(): Promise<void> {
    const pass = this.#pass
    if (pass === null) return
    const [job] = pass.jobs
    if (job === undefined) {
      this.#pass = null
      for (const host of pass.hosts) if (!this.#closed) await this.#init.commits.execute(decideBanSwept, { type: 'ban-swept', host })
      return
    }
    pass.units ??= new SlicedUnits(this.#init.store, job)
    const units = pass.units.next()
    if (units === null) {
      pass.jobs.shift()
      pass.units = null
      return
    }
    // Of units that came from a ledger nobody knows who decided them.
    const voided = units.filter(({ votes }) => votes.length > 0 && decidedOnlyByBanned(this.#state, votes))
    if (voided.length > 0) await this.#reopen(job, 'banned', voided)
  }

  async #reopen(job: JobId, cause: 'doubted' | 'banned', units: readonly SettledUnit[]): Promise<void> {
    this.#folds.delete(job)
    if (units.length > 0) await this.#init.commits.execute(decideReopen, { type: 'reopen', job, cause, units })
  }

  #foldDue(): JobId | undefined {
    const [begun] = this.#folds.keys()
    if (begun !== undefined || !this.#unfolded) return begun
    for (const { id, reduceAnew } of this.#state.jobs.values()) if (reduceAnew) return id
    return undefined
  }

  async #foldOn(job: JobId): Promise<void> {
    const entry = this.#state.jobs.get(job)
    if (entry?.reduceAnew !== true) {
      this.#folds.delete(job)
      return
    }
    const { reduce, outputs } = entry.signed.spec
    const fold = this.#folds.get(job) ?? { units: new SlicedUnits(this.#init.store, job), reduced: emptyReduced(reduce) }
    this.#folds.set(job, fold)
    const units = fold.units.next()
    for (const { unit, value } of units ?? []) fold.reduced = reduceUnit(reduce, outputs, fold.reduced, unit, value)
    if (units !== null) return
    this.#folds.delete(job)
    await this.#init.commits.execute(decideReduceAnew, { type: 'reduce-anew', job, reduced: fold.reduced })
  }
}

function mayBeReopened(job: JobEntry): boolean {
  return !job.retired && job.state !== 'cancelled' && job.state !== 'failed' && job.settled.size > job.notHeld.size
}
