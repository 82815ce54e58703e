/**
 * What a new leader starts from: the room's ledger, and the values that this member keeps. A unit counts as settled when both are
 * there; the others are computed again, which changes nothing but time: they settle with the same digests, and the ledger is not
 * told twice.
 */
import { jobBlobs, type ContentHash } from '@peercompute/job-specs'
import type { LedgerJob, LedgerState } from '@peercompute/ledger'
import { createMemoryStore, emptyState, evolve, type CoordinatorEvent, type CoordinatorStore } from '@peercompute/relay-coordinator/room'
import type { RoomValueStore } from './room-values.ts'

/** Lease numbers of each term are its own, so that a report for a lease of an earlier leader is never taken for a present one. */
const EPOCHS_PER_TERM = 2 ** 32

export interface LedgerLegacy {
  readonly state: LedgerState
  readonly values: RoomValueStore
  readonly hasBlob: (sha256: ContentHash) => boolean
  readonly term: number
  readonly now: number
}

/** Jobs that someone has published, and that have not ended. */
export function openJobs(state: LedgerState): LedgerJob[] {
  return [...state.jobs.values()].filter(({ ended, cancelled }) => ended === null && !cancelled)
}

export function storeFromLedger({ state, values, hasBlob, term, now }: LedgerLegacy): CoordinatorStore {
  const store = createMemoryStore()
  const core = emptyState()
  const write = (events: readonly CoordinatorEvent[]): void => {
    for (const event of events) evolve(core, event)
    store.commit(events, core)
  }
  write([...state.credit].map(([account, microCredits]) => ({ type: 'credit-restored', account, microCredits })))
  for (const job of openJobs(state)) {
    const { id, signed, custodial } = job
    const missingBlobs = [...new Set(jobBlobs(signed.spec).map(({ sha256 }) => sha256))].filter((sha256) => !hasBlob(sha256))
    const settled = [...values.verified(job)].filter(([unit]) => unit < signed.spec.unitCount)
    const completed = settled.length === signed.spec.unitCount
    const restored = { type: 'job-restored' as const, job: id, nextEpoch: (term - 1) * EPOCHS_PER_TERM + 1, at: now }
    const cursor = settled.reduce((end, [unit]) => Math.max(end, unit + 1), 0)
    write([
      { type: 'job-submitted', held: false, job: id, signed, custodial, missingBlobs, at: now },
      ...settled.map(([unit, { digest, value }]) => ({
        type: 'settled' as const,
        job: id,
        unit,
        digest,
        value,
        votes: [],
        microCredits: 0,
        errorProbability: 0,
        at: now
      }))
    ])
    // the units in between were leased by an earlier leader, and are wanted again
    const entry = core.jobs.get(id)
    if (entry !== undefined) entry.cursor = cursor
    // the last leader went between the last unit and the end of the job
    write([completed ? { type: 'job-state', job: id, state: 'completed', at: now } : restored])
  }
  return store
}
