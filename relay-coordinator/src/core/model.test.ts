/**
 * Random histories of many hosts against both stores: whatever happens in whatever order, nothing is settled twice or by too few,
 * credit is conserved, and a restart at any moment gives back the same state.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lease } from '@peercompute/job-specs'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import {
  createMemoryStore,
  DEFAULT_POLICY,
  decideAsk,
  decideConnect,
  decideControl,
  decideDisconnect,
  decideExpire,
  decideRelease,
  decideReport,
  decideRestore,
  decideSubmit,
  dependent,
  emptyState,
  evolve,
  rebuild,
  wantsMore,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStore,
  type Decider,
  type Vote
} from './index.ts'

const HOSTS = [
  connectedHost('a'),
  connectedHost('b', { account: 'shared' }),
  connectedHost('c', { account: 'shared', executors: ['js', 'wasm'] }),
  connectedHost('d', { subnet: '10.1.2.0/24' })
]

type Step =
  | { do: 'connect' | 'disconnect'; host: number }
  | { do: 'ask'; host: number; executor: 'js' | 'wasm'; units: number }
  | { do: 'report'; lease: number; mode: 'right' | 'wrong' | 'fail' | 'twice' | 'half' }
  | { do: 'release'; lease: number }
  | { do: 'expire'; ms: number }
  | { do: 'restore'; start: number; count: number }
  | { do: 'cancel' | 'pause' | 'resume' }

const host = fc.nat(HOSTS.length - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('connect' as const, 'disconnect' as const), host }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      host,
      executor: fc.constantFrom('js' as const, 'wasm' as const),
      units: fc.integer({ min: 1, max: 6 })
    })
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      lease: fc.nat(20),
      mode: fc.constantFrom('right' as const, 'right' as const, 'wrong' as const, 'fail' as const, 'twice' as const, 'half' as const)
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), lease: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const), ms: fc.integer({ min: 0, max: 120_000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('restore' as const), start: fc.nat(11), count: fc.integer({ min: 1, max: 5 }) })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const, 'resume' as const) }) }
)

/** The parts of the state that must survive a restart, in a comparable form. */
function essence(state: CoordinatorState): unknown {
  return {
    credit: [...state.credit].sort(),
    hosts: [...state.hosts.values()].map(({ connected: _, ...rest }) => rest).sort((a, b) => (a.host < b.host ? -1 : 1)),
    jobs: [...state.jobs.values()].map((job) => ({
      id: job.id,
      state: job.state,
      cursor: job.cursor,
      executions: job.executions,
      reduced: job.reduced,
      settlers: [...job.settlers].sort(),
      settled: [...job.settled.ranges()],
      errored: [...job.errored.ranges()],
      notHeld: [...job.notHeld.ranges()],
      units: [...job.units]
        .sort((a, b) => a[0] - b[0])
        .map(([n, unit]) => [
          n,
          unit.results.map((r) => r.epoch).sort(),
          unit.failures.map((f) => f.epoch).sort(),
          [...unit.active].sort(),
          wantsMore(job, unit)
        ]),
      // An ended lease whose units have all been closed meanwhile may be forgotten: only late answers come of it.
      leases: [...job.leases.values()]
        .map((l) => ({
          epoch: l.epoch,
          over: l.over,
          deadline: l.deadline,
          open: [...l.unreported].filter((n) => job.units.has(n)).sort((a, b) => a - b)
        }))
        .filter((l) => l.open.length > 0)
        .sort((a, b) => a.epoch - b.epoch)
    }))
  }
}

function check(state: CoordinatorState, votesOf: Map<string, readonly Vote[]>): void {
  let earned = 0
  for (const votes of votesOf.values()) earned += votes.filter((vote) => vote.verdict !== 'rejected').length
  expect([...state.credit.values()].reduce((sum, credit) => sum + credit, 0)).toBe(earned)
  for (const job of state.jobs.values()) {
    const { quorum, independence } = job.signed.spec.verification
    expect(job.settled.size - job.notHeld.size).toBe([...votesOf.keys()].filter((key) => key.startsWith(job.id)).length)
    for (const [key, votes] of votesOf) {
      if (!key.startsWith(job.id)) continue
      const valid = votes.filter((vote) => vote.verdict !== 'rejected')
      expect(valid.length).toBeGreaterThanOrEqual(quorum)
      for (const a of valid) for (const b of valid) if (a !== b) expect(dependent(a.holder, b.holder, independence)).toBe(false)
    }
    const queued = [...job.wants].flatMap(([start, count]) => Array.from({ length: count }, (_, i) => start + i))
    expect(new Set(queued).size).toBe(queued.length)
    expect(queued.sort((a, b) => a - b)).toEqual(
      [...job.units]
        .filter(([, unit]) => wantsMore(job, unit))
        .map(([n]) => n)
        .sort((a, b) => a - b)
    )
  }
  for (const entry of state.hosts.values()) {
    let held = 0
    for (const job of state.jobs.values())
      for (const lease of job.leases.values()) if (!lease.over && lease.holder.host === entry.host) held += lease.unreported.size
    expect(entry.unitsHeld).toBe(held)
  }
}

function play(steps: readonly Step[], store: CoordinatorStore, independence: 'executor' | 'host' | 'owner'): void {
  const state = emptyState()
  let now = 1_000
  const votesOf = new Map<string, readonly Vote[]>()
  const leases: Lease[] = []
  const run = <C, A>(decider: Decider<C, A>, command: C): A | null => {
    const decision = decider(state, command, { now, random: () => 0.5, policy: DEFAULT_POLICY })
    if (!decision.ok) return null
    for (const event of decision.events) {
      evolve(state, event)
      if (event.type !== 'settled') continue
      expect(votesOf.has(`${event.job}/${event.unit}`)).toBe(false)
      votesOf.set(`${event.job}/${event.unit}`, event.votes)
    }
    const events: readonly CoordinatorEvent[] = decision.events
    if (events.length > 0) store.commit(events, state)
    return decision.answer
  }
  const { job, signed } = unsigned(smallSpec({ unitCount: 12, verification: { independence, maxResults: 4 } }))
  run(decideSubmit, { type: 'submit', job, signed, custodial: false, missingBlobs: [], held: false })
  for (const each of HOSTS) run(decideConnect, { type: 'connect', host: each })
  for (const each of steps) {
    now += 10
    switch (each.do) {
      case 'connect': {
        const to = HOSTS[each.host]
        if (to) run(decideConnect, { type: 'connect', host: to })
        break
      }
      case 'disconnect': {
        const from = HOSTS[each.host]
        if (from) run(decideDisconnect, { type: 'disconnect', host: from.host })
        break
      }
      case 'ask': {
        const asker = HOSTS[each.host]
        const answer = asker && run(decideAsk, { type: 'ask', host: asker.host, executor: each.executor, units: each.units, seconds: 0 })
        leases.push(...(answer?.leases ?? []))
        break
      }
      case 'report': {
        const lease = leases[each.lease % Math.max(1, leases.length)]
        const holder = lease && state.jobs.get(lease.job)?.leases.get(lease.epoch)?.holder.host
        if (!lease || !holder) break
        const units = Array.from({ length: each.mode === 'half' ? Math.ceil(lease.count / 2) : lease.count }, (_, i) => lease.start + i)
        const values = units.map((unit) => ({
          unit,
          value: each.mode === 'fail' ? null : u32(each.mode === 'wrong' ? 1_000 + unit + lease.epoch : unit)
        }))
        run(decideReport, { type: 'report', ...reportOf(holder, lease, values) })
        if (each.mode === 'twice') run(decideReport, { type: 'report', ...reportOf(holder, lease, values) })
        break
      }
      case 'release': {
        const lease = leases[each.lease % Math.max(1, leases.length)]
        const holder = lease && state.jobs.get(lease.job)?.leases.get(lease.epoch)?.holder.host
        if (lease && holder) run(decideRelease, { type: 'release', host: holder, job: lease.job, epoch: lease.epoch })
        break
      }
      case 'expire':
        now += each.ms
        run(decideExpire, { type: 'expire' })
        break
      case 'restore': {
        const { start, count } = each
        const ranges = [{ start, count }]
        run(decideRestore, { type: 'restore', job, signed, custodial: false, missingBlobs: [], settled: ranges, ended: null })
        expect(
          run(decideRestore, { type: 'restore', job, signed, custodial: false, missingBlobs: [], settled: ranges, ended: null })
        ).toEqual({
          created: false,
          units: 0
        })
        break
      }
      case 'cancel':
      case 'pause':
      case 'resume':
        run(decideControl, { type: each.do, job })
        break
    }
    check(state, votesOf)
  }
  expect(essence(rebuild(store.load()))).toEqual(essence(state))
  const stored = store.settledUnits(job, 0, 100)
  expect(stored.map(({ unit }) => `${job}/${unit}`).sort()).toEqual([...votesOf.keys()].sort())
}

describe.each(['memory', 'sqlite'] as const)('with the %s store', (kind) => {
  it.each(['executor', 'host', 'owner'] as const)(
    'random histories keep every promise under independence "%s"',
    (independence) => {
      const folder = mkdtempSync(join(tmpdir(), 'peercompute-model-'))
      let runs = 0
      try {
        fc.assert(
          fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
            const store = kind === 'memory' ? createMemoryStore() : openSqliteStore(join(folder, `${runs++}.db`))
            try {
              play(steps, store, independence)
            } finally {
              store.close()
            }
          }),
          { numRuns: kind === 'memory' ? 300 : 40 }
        )
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    60_000
  )
})
