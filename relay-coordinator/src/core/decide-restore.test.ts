import { expect, it } from 'vitest'
import { jobIdOf, type AccountId, type HostId, type JobId, type SignedSpec } from '@peercompute/job-specs'
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import {
  createMemoryStore,
  DEFAULT_POLICY,
  decideAsk,
  decideConnect,
  decideReport,
  decideRestore,
  decideRestoreCredit,
  emptyState,
  evolve,
  jobDetail,
  rebuild,
  unitCounts,
  type Command,
  type Decider
} from './index.ts'

const NOW = 1_700_000_000_000

function world() {
  const state = emptyState()
  const store = createMemoryStore()
  const run = <C, A>(decider: Decider<C, A>, command: C): A => {
    const decision = decider(state, command, { now: NOW, random: () => 0.5, policy: DEFAULT_POLICY })
    if (!decision.ok) throw new Error(`${decision.code}: ${decision.detail}`)
    for (const event of decision.events) evolve(state, event)
    store.commit(decision.events, state)
    return decision.answer
  }
  const restore = (job: JobId, signed: SignedSpec, said: Partial<Extract<Command, { type: 'restore' }>> = {}) =>
    run(decideRestore, { type: 'restore', job, signed, custodial: false, missingBlobs: [], settled: [], ended: null, ...said })
  const entry = (job: JobId) => {
    const found = state.jobs.get(job)
    if (found === undefined) throw new Error('lost')
    return found
  }
  const computeAll = (name: string): HostId => {
    const host = connectedHost(name)
    run(decideConnect, { type: 'connect', host })
    for (const lease of run(decideAsk, { type: 'ask', host: host.host, executor: 'js', units: 100, seconds: 0 }).leases)
      run(decideReport, {
        type: 'report',
        ...reportOf(
          host.host,
          lease,
          Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
        )
      })
    return host.host
  }
  return { state, store, run, restore, entry, computeAll }
}

it('settled units of a ledger count as validated, only the others are computed, and the job then ends', () => {
  const { restore, entry, computeAll, state, store } = world()
  const { job, signed } = unsigned(smallSpec({ unitCount: 10 }))
  expect(
    restore(job, signed, {
      settled: [
        { start: 2, count: 3 },
        { start: 0, count: 4 },
        { start: 8, count: 1 }
      ]
    })
  ).toEqual({ created: true, units: 6 })
  expect(unitCounts(entry(job))).toMatchObject({ validated: 6, waiting: 4 })
  for (const name of ['a', 'b']) computeAll(name)
  const detail = jobDetail(state, entry(job))
  // 5 + 6 + 7 + 9: what is not held is not in the sum.
  expect(detail).toMatchObject({ state: 'completed', units: { validated: 10 }, notHeld: 6, reduced: { sum: '27' }, executionsPerUnit: 2 })
  expect(store.settledUnits(job, 0, 100).map(({ unit }) => unit)).toEqual([5, 6, 7, 9])
  expect(jobDetail(rebuild(store.load()), entry(job))).toEqual(detail)
})

it('the same again changes nothing, and more of it adds what is new, also while units are in flight', () => {
  const { restore, entry, computeAll } = world()
  const { job, signed } = unsigned(smallSpec({ unitCount: 10 }))
  const settled = [{ start: 0, count: 3 }]
  expect([restore(job, signed, { settled }), restore(job, signed, { settled })]).toEqual([
    { created: true, units: 3 },
    { created: false, units: 0 }
  ])
  computeAll('a')
  expect(entry(job).units.size).toBe(7)
  expect(restore(job, signed, { settled: [{ start: 0, count: 6 }] })).toEqual({ created: false, units: 3 })
  expect([...entry(job).units.keys()]).toEqual([6, 7, 8, 9])
  computeAll('b')
  expect(entry(job)).toMatchObject({ state: 'completed' })
  expect(restore(job, signed, { settled: [{ start: 0, count: 10 }] })).toEqual({ created: false, units: 0 })
})

it('a job whose units were all settled, or of which the ledger says how it ended, has ended', () => {
  const { restore, entry } = world()
  const whole = unsigned(smallSpec({ name: 'whole' }))
  const failed = unsigned(smallSpec({ name: 'failed' }))
  const called = unsigned(smallSpec({ name: 'called-off' }))
  restore(whole.job, whole.signed, { settled: [{ start: 0, count: 4 }] })
  restore(failed.job, failed.signed, { settled: [{ start: 0, count: 3 }], ended: 'failed' })
  restore(called.job, called.signed, { ended: 'cancelled' })
  expect([whole, failed, called].map(({ job }) => entry(job).state)).toEqual(['completed', 'failed', 'cancelled'])
})

it('a job waits for its blobs as after a submission', () => {
  const { restore, entry } = world()
  const { job, signed } = unsigned(smallSpec())
  const blob = signed.spec.kernel.js?.blob.sha256
  restore(job, signed, { missingBlobs: blob === undefined ? [] : [blob] })
  expect(entry(job).state).toBe('queued')
})

it('takes no report under a lease of the lost store for one of its own', () => {
  const { restore, run, state } = world()
  const { job, signed } = unsigned(smallSpec())
  restore(job, signed)
  const host = connectedHost('a')
  run(decideConnect, { type: 'connect', host })
  const [lease] = run(decideAsk, { type: 'ask', host: host.host, executor: 'js', units: 4, seconds: 0 }).leases
  expect(lease?.epoch).toBeGreaterThanOrEqual(NOW / 1_000)
  const old = { job, epoch: 1, executor: 'js' as const }
  expect(run(decideReport, { type: 'report', ...reportOf(host.host, old, [{ unit: 0, value: u32(0) }]) })).toEqual([
    { unit: 0, answer: 'not_held' }
  ])
  expect(state.jobs.get(job)?.settled.size).toBe(0)
})

it('does not claim two machines where one may have settled everything', () => {
  const { restore, entry, state } = world()
  const of = (independence: 'executor' | 'host') => {
    const { job, signed } = unsigned(smallSpec({ name: independence, verification: { independence } }))
    restore(job, signed, { settled: [{ start: 0, count: 4 }] })
    return jobDetail(state, entry(job)).sameMachine
  }
  expect([of('executor'), of('host')]).toEqual([true, false])
})

it('credit comes back, and never sinks', () => {
  const { run, state } = world()
  const [poor, rich] = ['poor', 'rich'].map((name) => connectedHost(name).account)
  const give = (...credit: [AccountId | undefined, number][]) =>
    run(decideRestoreCredit, {
      type: 'restore-credit',
      credit: new Map(credit.flatMap(([account, total]) => (account === undefined ? [] : [[account, total]])))
    })
  give([poor, 1], [rich, 10])
  give([poor, 5], [rich, 3])
  expect([...state.credit.values()]).toEqual([5, 10])
})

it('the id of a restored job is that of its specification', () => {
  const { restore, entry } = world()
  const { job, signed } = unsigned(smallSpec())
  restore(job, signed)
  expect(entry(job).id).toBe(jobIdOf(signed.author, signed.spec))
})
