import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { HostId, JobId } from '@peercompute/job-specs'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { CoreWorld } from '../testing/core-world.ts'
import { u32 } from '../testing/fixtures.ts'
import { essence } from '../testing/model-checks.ts'
import { createMemoryStore, decideReopen, PRICED_AFTER, rebuild, type CoordinatorStore } from './index.ts'

/** 1000 millionths of a credit as declared. */
const DECLARED = 4.32e8
const GIGA = 1e9
const JS_ONLY = { quorum: 2, independence: 'host' } as const

class Market extends CoreWorld {
  readonly store: CoordinatorStore

  constructor(store: CoordinatorStore = createMemoryStore()) {
    super()
    this.store = store
  }

  override run: CoreWorld['run'] = (decider, command) => {
    const answer = super.run(decider, command)
    this.store.commit(this.events, this.state)
    return answer
  }

  host(name: string, operationsPerSecond: number): HostId {
    return this.connect(name, { account: `account of ${name.slice(0, 1)}`, executor: { operationsPerSecond } })
  }

  /** Each host computes what it is given, at most `units`, in `computeMs`. */
  compute(hosts: readonly HostId[], computeMs: number, units: number, value = 1): void {
    for (const host of hosts)
      for (const lease of this.ask(host, units).leases) this.report(host, lease, (unit) => u32(unit + value), { computeMs })
  }

  /** Sums over all settled units that the store has, by what each is worth. */
  owed(job: JobId): number {
    const votes = this.store.settledUnits(job, 0, 1_000).flatMap((unit) => unit.votes)
    return votes.filter(({ verdict }) => verdict !== 'rejected').length * this.job(job).unitMicroCredits
  }

  earned(): number {
    return [...this.state.credit.values()].reduce((sum, total) => sum + total, 0)
  }
}

function market(operationsPerSecond: readonly number[], quorum = 2): { world: Market; hosts: HostId[]; job: JobId } {
  const world = new Market()
  const hosts = operationsPerSecond.map((speed, n) => world.host(`${n}`, speed))
  const verification = { ...JS_ONLY, quorum }
  return { world, hosts, job: world.submit({ unitCount: 40, unitOperations: DECLARED, verification }) }
}

it('pays the first units as declared, then fixes the price by what they took, for those before as well', () => {
  const { world, hosts, job } = market([GIGA, GIGA])
  while (world.job(job).settled.size < PRICED_AFTER - 1) world.compute(hosts, 648, 1)
  expect(world.job(job).unitMicroCredits).toBe(1_000)
  expect(world.earned()).toBe(2 * (PRICED_AFTER - 1) * 1_000)
  world.compute(hosts, 648, 1)
  expect(world.job(job)).toMatchObject({ unitMicroCredits: 1_500, pricing: null, agreeing: 2 * PRICED_AFTER })
  expect(world.earned()).toBe(2 * PRICED_AFTER * 1_500)
  expect([...world.state.hosts.values()].map(({ microCredits }) => microCredits)).toEqual([30_000, 30_000])
  while (world.job(job).state === 'running') world.compute(hosts, 60_000, 4)
  expect(world.earned()).toBe(2 * 40 * 1_500)
})

it('a claim of one among three does not move the price, and no claim takes it beyond half or twice the declared one', () => {
  const priceWith = (speeds: readonly number[], computeMs: number): number => {
    const { world, hosts, job } = market(speeds, speeds.length)
    while (world.job(job).state === 'running') world.compute(hosts, computeMs, 4)
    expect(world.earned()).toBe(world.owed(job))
    return world.job(job).unitMicroCredits
  }
  expect(priceWith([GIGA, 1e18, GIGA], 518.4)).toBe(1_200)
  expect(priceWith([GIGA, 1, GIGA], 518.4)).toBe(1_200)
  expect(priceWith([1e18, 1e18], 1_000)).toBe(2_000)
  expect(priceWith([1, 1], 1)).toBe(500)
  // Nobody has measured itself.
  expect(priceWith([0, 0], 1_000)).toBe(1_000)
})

it('a job with fewer units keeps the declared price', () => {
  const world = new Market()
  const hosts = ['a', 'b'].map((name) => world.host(name, GIGA))
  const job = world.submit({ unitCount: PRICED_AFTER - 1, unitOperations: DECLARED, verification: JS_ONLY })
  while (world.job(job).state === 'running') world.compute(hosts, 5_000, 8)
  expect(world.job(job).unitMicroCredits).toBe(1_000)
  expect(world.earned()).toBe(2 * (PRICED_AFTER - 1) * 1_000)
})

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('compute' as const),
      first: fc.nat(3),
      ms: fc.integer({ min: 1, max: 3_000 }),
      units: fc.integer({ min: 1, max: 9 })
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const), from: fc.nat(40), count: fc.integer({ min: 1, max: 12 }) }) }
)

it.each(['memory', 'sqlite'] as const)(
  'whatever happens, credit is the sum over settled units, each at the price of its job (%s store)',
  (kind) => {
    const folder = mkdtempSync(join(tmpdir(), 'peercompute-pricing-'))
    let runs = 0
    try {
      fc.assert(
        fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
          const store = kind === 'memory' ? createMemoryStore() : openSqliteStore(join(folder, `${runs++}.db`))
          try {
            const world = new Market(store)
            const hosts = ['a', 'a2', 'b', 'c'].map((name, n) => world.host(name, n * GIGA))
            const jobs = [45, 22, 8].map((unitCount) =>
              world.submit({ name: `job-${unitCount}`, unitCount, unitOperations: DECLARED, verification: JS_ONLY })
            )
            for (const each of steps) {
              if (each.do === 'compute') world.compute([...hosts.slice(each.first), ...hosts.slice(0, each.first)], each.ms, each.units)
              else
                for (const job of jobs)
                  world.run(decideReopen, {
                    type: 'reopen',
                    job,
                    cause: 'doubted',
                    units: store.settledUnits(job, each.from, each.count)
                  })
              expect(world.earned()).toBe(jobs.reduce((sum, job) => sum + world.owed(job), 0))
              expect([...world.state.hosts.values()].reduce((sum, host) => sum + host.microCredits, 0)).toBe(world.earned())
              expect(jobs.reduce((sum, job) => sum + world.job(job).agreeing * world.job(job).unitMicroCredits, 0)).toBe(world.earned())
            }
            expect(essence(rebuild(store.load()))).toEqual(essence(world.state))
          } finally {
            store.close()
          }
        }),
        { numRuns: kind === 'memory' ? 40 : 5 }
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  30_000
)
