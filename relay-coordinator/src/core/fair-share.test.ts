import { expect, it } from 'vitest'
import type { HostId, JobId } from '@peercompute/job-specs'
import { CoreWorld, only } from '../testing/core-world.ts'
import { u32 } from '../testing/fixtures.ts'

const LONG = { unitCount: 1_000_000, verification: { quorum: 1 } }

/** Lets a job's trial pass. */
function settle(w: CoreWorld, host: HostId, units: number): void {
  for (let done = 0; done < units; done += 10) w.report(host, only(w.ask(host, 10).leases), u32)
}

function shares(w: CoreWorld, host: HostId, rounds: number, units = 10): Map<JobId, number> {
  const out = new Map<JobId, number>()
  for (let round = 0; round < rounds; round++) {
    const lease = only(w.ask(host, units).leases)
    out.set(lease.job, (out.get(lease.job) ?? 0) + lease.count)
    w.report(host, lease, u32)
  }
  return out
}

it('two researchers get the same work, whatever their numbers of jobs and the size of their units', () => {
  const w = new CoreWorld()
  const one = w.submit({ ...LONG, unitOperations: 1e6 }, 'x')
  const many = ['p', 'q', 'r'].map((name) => w.submit({ ...LONG, name, unitOperations: 4e6 }, 'y'))
  const host = w.connect('a')
  const got = shares(w, host, 400)
  const ofMany = many.reduce((sum, id) => sum + (got.get(id) ?? 0), 0) * 4
  expect((got.get(one) ?? 0) / ofMany).toBeCloseTo(1, 1)
  const [low, high] = [Math.min(...many.map((id) => got.get(id) ?? 0)), Math.max(...many.map((id) => got.get(id) ?? 0))]
  expect(high - low).toBeLessThanOrEqual(10)
})

it('a newcomer is served at once, and neither floods nor starves', () => {
  const w = new CoreWorld()
  const old = w.submit(LONG, 'x')
  const host = w.connect('a')
  settle(w, host, 2_000)
  const fresh = w.submit(LONG, 'y')
  const first = shares(w, host, 2)
  expect(first.get(fresh)).toBe(10)
  const next = shares(w, host, 100)
  expect(Math.abs((next.get(fresh) ?? 0) - (next.get(old) ?? 0))).toBeLessThanOrEqual(20)
})

it('who could not be served for long catches up for a while only', () => {
  const w = new CoreWorld()
  w.submit({ ...LONG, requires: { numericClass: 'rare' } }, 'x')
  const common = w.submit(LONG, 'y')
  const host = w.connect('a')
  settle(w, host, 5_000)
  const rare = w.connect('r', { executor: { numericClass: 'rare' } })
  const got = shares(w, rare, 400)
  expect(got.get(common)).toBeGreaterThanOrEqual(1_500)
})

it("of a researcher's jobs the most urgent goes first, and nobody else's is put back by it", () => {
  const w = new CoreWorld()
  w.submit({ ...LONG, name: 'later' }, 'x')
  const urgent = w.submit({ ...LONG, name: 'urgent', priority: 3 }, 'x')
  const other = w.submit({ ...LONG, name: 'other', priority: -10 }, 'y')
  const got = shares(w, w.connect('a'), 40)
  expect([...got]).toEqual(
    expect.arrayContaining([
      [urgent, 200],
      [other, 200]
    ])
  )
})

it('among equals a host goes on with what it knows, for a while', () => {
  const w = new CoreWorld()
  const [p, q] = [w.submit({ ...LONG, name: 'p' }), w.submit({ ...LONG, name: 'q' })]
  const host = w.connect('a')
  const given: JobId[] = []
  for (let round = 0; round < 200; round++) {
    const lease = only(w.ask(host, 1, 'js', [p]).leases)
    given.push(lease.job)
    w.report(host, lease, u32)
  }
  expect(given.slice(2, 40).every((id) => id === p)).toBe(true)
  expect(given.filter((id) => id === q).length).toBeGreaterThan(1)
})
