import { mkdtempSync, rmSync } from 'node:fs'
import { hash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '@peercompute/p2p/testing'
import { PeerComputeError, type ContentHash } from '@peercompute/job-specs'
import {
  createMemoryStore,
  decided,
  DEFAULT_POLICY,
  type CoordinatorEvent,
  type CoordinatorStore,
  type Holder,
  type SettledUnit,
  type Vote
} from '../core/index.ts'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { connectedHost, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { GroupCommit } from './group-commit.ts'
import { Sweeper } from './sweeper.ts'

const UNITS = 600
const { job, signed } = unsigned(smallSpec({ unitCount: UNITS, reduce: { kind: 'argmin', output: 'count' } }))
const [liar, honest, other] = ['liar', 'honest', 'other'].map((name): Holder => {
  const { host, account, subnet } = connectedHost(name)
  return { host, account, subnet, executor: 'js' }
}) as [Holder, Holder, Holder]

let folder = ''
let faults: unknown[] = []
let closers: (() => void)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-sweep-'))
  faults = []
  closers = []
})
afterEach(() => {
  for (const close of closers.toReversed()) close()
  rmSync(folder, { recursive: true })
  expect(faults).toEqual([])
})

/** The liar alone decides every third unit, together with an honest host every third, an honest host alone the rest. */
function settledEvent(unit: number): CoordinatorEvent {
  const value = u32(unit % 3 === 0 ? unit : 10_000 + unit)
  const digest = hash('sha256', value) as ContentHash
  const holders = [[liar], [liar, honest], [honest]][unit % 3] ?? []
  const votes = holders.map((holder, index): Vote => ({
    epoch: 1 + unit * 2 + index,
    holder,
    numericClass: 'test',
    probeVersion: 1,
    verdict: index === 0 ? 'canonical' : 'agrees',
    digest,
    computeMs: 1,
    metric: 0,
    bound: 0
  }))
  return { type: 'settled', job, unit, digest, value, votes, microCredits: 1, errorProbability: 0.2, at: 2 }
}

function run(store: CoordinatorStore) {
  const commits = new GroupCommit({
    store,
    context: () => ({ now: 1_000, random: () => 0.5, policy: DEFAULT_POLICY }),
    custom: undefined,
    onCommitted: (events) => {
      sweeper.committed(events)
    }
  })
  const sweeper = new Sweeper({ store, commits, onFault: (error) => faults.push(error) })
  const push = (...events: CoordinatorEvent[]) => commits.execute(() => decided(null, events), null)
  closers.push(() => {
    sweeper.close()
    commits.flush()
  })
  return {
    commits,
    sweeper,
    push,
    entry: () => commits.state.jobs.get(job),
    settled: () => [...(commits.state.jobs.get(job)?.settled.units() ?? [])]
  }
}

const units = Array.from({ length: UNITS }, (_, unit) => unit)
const submit: CoordinatorEvent = { type: 'job-submitted', job, signed, custodial: false, missingBlobs: [], held: false, at: 1 }
const completed: CoordinatorEvent = { type: 'job-state', job, state: 'completed', at: 3 }
const ban: CoordinatorEvent = { type: 'host-banned', host: liar.host, cause: 'errors', at: 4 }

describe.each(['memory', 'sqlite'] as const)('with the %s store', (kind) => {
  let store: CoordinatorStore
  const reopen = (): CoordinatorStore => {
    if (kind === 'memory') return store
    store = openSqliteStore(join(folder, 'coordinator.sqlite'))
    closers.push(() => store.close())
    return store
  }
  beforeEach(() => {
    if (kind === 'memory') store = createMemoryStore()
  })

  it('after a ban every unit that nobody else stands behind is open again, the job with it, and what was reduced is folded anew', async () => {
    const { commits, push, entry, settled } = run(reopen())
    await push(submit, ...units.map(settledEvent), completed)
    expect(entry()?.reduced).toMatchObject({ value: 0, unit: 0 })
    await push(ban)
    await until(() => commits.state.trust.bans.get(liar.host)?.swept === true && entry()?.reduceAnew === false, 'the ban has been swept')
    expect(settled()).toEqual(units.filter((unit) => unit % 3 !== 0))
    expect(entry()).toMatchObject({ state: 'running', stateWhy: 'units_reopened', endedAt: null, reduced: { value: 10_001, unit: 1 } })
    expect(store.settledUnits(job, 0, UNITS).map(({ unit }) => unit)).toEqual(settled())
    expect(commits.state.credit.get(liar.account)).toBe(UNITS / 3)
  })

  it('a sweep that was cut short goes on after a restart', async () => {
    const first = run(reopen())
    await first.push(submit, ...units.map(settledEvent), completed)
    await first.push(ban)
    await until(() => first.settled().length < UNITS, 'the first units are open again')
    expect(first.commits.state.trust.bans.get(liar.host)?.swept).toBe(false)
    first.sweeper.close()
    const left = first.settled().length
    expect(left).toBeGreaterThan((UNITS * 2) / 3)
    first.commits.flush()
    store.close()
    const { commits, settled } = run(reopen())
    await until(() => commits.state.trust.bans.get(liar.host)?.swept === true, 'the ban has been swept')
    expect(settled()).toEqual(units.filter((unit) => unit % 3 !== 0))
  })

  it("a host's first failure brings back what it decided alone, with its vote", async () => {
    const { push, entry, settled } = run(reopen())
    await push(submit, ...units.slice(0, 9).map(settledEvent))
    const { digest, value } = settledEvent(9) as Extract<CoordinatorEvent, { type: 'settled' }>
    const votes = (
      [
        ['rejected', liar],
        ['canonical', honest],
        ['agrees', other]
      ] as const
    ).map(([verdict, holder], index): Vote => ({
      epoch: 100 + index,
      holder,
      numericClass: 'test',
      probeVersion: 1,
      verdict,
      digest,
      computeMs: 1,
      metric: 0,
      bound: 0
    }))
    await push({
      type: 'settled',
      job,
      unit: 9,
      digest,
      value,
      votes,
      microCredits: 1,
      errorProbability: 0,
      at: 5,
      faults: [{ holder: liar, telling: true, accomplices: [] }]
    })
    await until(() => settled().length < 10, 'its units are open again')
    expect(settled()).toEqual([1, 2, 4, 5, 7, 8, 9])
    expect(
      [0, 3, 6].map((unit) =>
        entry()
          ?.units.get(unit)
          ?.results.map(({ holder }) => holder.host)
      )
    ).toEqual([[liar.host], [liar.host], [liar.host]])
  })

  it('what the disk refuses has not happened, and after the end nothing is read', async () => {
    const inner = reopen()
    let full = false
    let reads = 0
    let refused = 0
    const { push, commits, sweeper, settled } = run({
      ...inner,
      settledUnits: (...asked): readonly SettledUnit[] => {
        reads++
        return inner.settledUnits(...asked)
      },
      commit: (events, state) => {
        if (full) {
          refused++
          throw new PeerComputeError('STORE_FULL', 'test')
        }
        inner.commit(events, state)
      }
    })
    await push(submit, ...units.map(settledEvent))
    await push(ban)
    full = true
    await until(() => refused > 0, 'it was refused')
    expect([settled().length, commits.state.trust.bans.get(liar.host)?.swept]).toEqual([UNITS, false])
    sweeper.close()
    const before = reads
    full = false
    await push({ type: 'host-pardoned', host: other.host, at: 9 })
    expect(reads).toBe(before)
    expect(settled()).toHaveLength(UNITS)
  })
})
