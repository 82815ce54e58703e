/** Fills a store through its port, faster than hosts could. */
import { hash } from 'node:crypto'
import type { ContentHash, JobId } from '@peercompute/job-specs'
import {
  evolve,
  rebuild,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStore,
  type Holder,
  type SettledUnit
} from '../core/index.ts'
import { connectedHost, smallSpec, u32, unsigned } from './fixtures.ts'

export const MICRO_CREDITS = 3

function holderNamed(name: string): Holder {
  const { host, account, subnet } = connectedHost(name)
  return { host, account, subnet, executor: 'js' }
}
const HOLDERS = [0, 1, 2, 3, 4, 5, 6].map((n) => holderNamed(`host ${n}`))

export interface StoreDriver {
  readonly job: JobId
  readonly state: CoordinatorState
  commit(...events: CoordinatorEvent[]): void
  /** In one transaction, by two hosts. */
  settle(units: readonly number[]): void
  end(): void
}

/** The unit as `settle` settles it. */
export function settledUnit(unit: number): SettledUnit {
  const value = u32(unit % 2 ** 32)
  const digest = hash('sha256', value) as ContentHash
  return {
    unit,
    value,
    digest,
    errorProbability: 0,
    settledAt: 1_700_000_000_000 + (unit % 1_000),
    votes: (['canonical', 'agrees'] as const).map((verdict, index) => {
      const holder = HOLDERS[(unit + index) % HOLDERS.length] ?? holderNamed('none')
      return {
        epoch: 1 + (unit % 100) * 2 + index,
        holder,
        numericClass: 'test',
        probeVersion: 1,
        verdict,
        digest,
        computeMs: 0,
        metric: 0,
        bound: 0
      }
    })
  }
}

/** Goes on with the job of this name, or submits it. */
export function driveStore(store: CoordinatorStore, { unitCount = 1_000_000, name = 'small' } = {}): StoreDriver {
  const { job, signed } = unsigned(smallSpec({ unitCount, name }))
  const state = rebuild(store.load())
  const commit = (...events: CoordinatorEvent[]): void => {
    for (const event of events) evolve(state, event)
    store.commit(events, state)
  }
  if (!state.jobs.has(job)) commit({ type: 'job-submitted', job, signed, custodial: false, missingBlobs: [], held: false, at: 1 })
  return {
    job,
    state,
    commit,
    settle: (units) => {
      commit(
        ...units.map((unit): CoordinatorEvent => {
          const { settledAt, ...settled } = settledUnit(unit)
          return { type: 'settled', job, ...settled, microCredits: MICRO_CREDITS, at: settledAt }
        })
      )
    },
    end: () => {
      commit({ type: 'job-state', job, state: 'completed', at: 2 })
    }
  }
}

export function range(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => start + index)
}
