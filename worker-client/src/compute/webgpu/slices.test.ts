import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GpuPass } from './gpu-task.ts'
import { isPosition, SliceBudget, SliceCursor, type Slice } from './slices.ts'

function pass(groups: GpuPass['groups'], repeat = 1): GpuPass {
  return { entry: 'main', groups, grid: groups, workgroup: [1, 1, 1], repeat }
}

function slicesOf(passes: readonly GpuPass[], groupsAtMost: () => number, cursor = new SliceCursor(passes)): Slice[] {
  const slices: Slice[] = []
  for (let slice = cursor.take(groupsAtMost); slice !== undefined; slice = cursor.take(groupsAtMost)) slices.push(slice)
  return slices
}

describe('SliceCursor', () => {
  it('covers every workgroup of every repeat exactly once, within both limits, and goes on from any position', () => {
    const seed = Date.now()
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 7 })),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }),
        fc.nat(20),
        (groups, repeat, limits, stopAfter) => {
          const passes = [pass(groups, repeat)]
          let turn = 0
          const next = () => limits[turn++ % limits.length] ?? 1
          let cursor = new SliceCursor(passes)
          const slices: Slice[] = []
          while (!cursor.done) {
            if (slices.length === stopAfter) {
              expect(isPosition(passes, cursor.position)).toBe(true)
              const { fraction } = cursor
              cursor = new SliceCursor(passes, cursor.position)
              expect(cursor.fraction).toBe(fraction)
            }
            const most = next()
            const slice = cursor.take(() => most)
            if (slice === undefined) break
            expect(slice.groups[0] * slice.groups[1] * slice.groups[2]).toBeLessThanOrEqual(most)
            slices.push(slice)
          }
          expect(cursor.fraction).toBe(1)
          const seen = new Map<string, number>()
          for (const { from, groups: taken, repeat: turnOf } of slices)
            for (let z = 0; z < taken[2]; z++)
              for (let y = 0; y < taken[1]; y++)
                for (let x = 0; x < taken[0]; x++) {
                  const at = [from[0] + x, from[1] + y, from[2] + z]
                  expect(at.every((coordinate, axis) => coordinate < (groups[axis] ?? 0))).toBe(true)
                  const key = [turnOf, ...at].join()
                  seen.set(key, (seen.get(key) ?? 0) + 1)
                }
          expect(seen.size).toBe(groups[0] * groups[1] * groups[2] * repeat)
          expect([...seen.values()].every((count) => count === 1)).toBe(true)
        }
      ),
      { seed, numRuns: 60 }
    )
  })

  it('cuts a dimension of more than 65535 workgroups', () => {
    expect(slicesOf([pass([200_000, 1, 1])], () => 1e9).map((slice) => slice.groups[0])).toEqual([65_535, 65_535, 65_535, 3_395])
  })

  it('takes the whole grid at once when the time allows it', () => {
    expect(slicesOf([pass([64, 64, 4]), pass([8, 1, 1], 2)], () => 1e9)).toHaveLength(3)
  })

  it('knows the positions that are none', () => {
    const passes = [pass([4, 1, 1], 2)]
    expect(isPosition(passes, { pass: 0, repeat: 1, at: [3, 0, 0] })).toBe(true)
    expect(isPosition(passes, { pass: 0, repeat: 2, at: [0, 0, 0] })).toBe(false)
    expect(isPosition(passes, { pass: 1, repeat: 0, at: [0, 0, 0] })).toBe(false)
    expect(isPosition(passes, { pass: 0, repeat: 0, at: [4, 0, 0] })).toBe(false)
  })
})

describe('SliceBudget', () => {
  const TARGET_MS = 10
  const one = (groups: number): Slice => ({ pass: 0, repeat: 0, from: [0, 0, 0], groups: [groups, 1, 1] })
  const atMost = (budget: SliceBudget) => budget.groupsWithin(0, budget.targetMs)

  /** A device that needs so long for a group. */
  function learnt(msPerGroup: number, careful = false): SliceBudget {
    const budget = new SliceBudget(1, careful)
    for (let i = 0; i < 30; i++) {
      const groups = atMost(budget)
      budget.learn([one(groups)], 0.1 + groups * msPerGroup)
    }
    return budget
  }
  it.each([1e-6, 1e-4, 0.01, 1, 10])('comes near the target on a device of %f ms a workgroup', (msPerGroup) => {
    const slice = atMost(learnt(msPerGroup)) * msPerGroup
    expect(slice).toBeGreaterThan(TARGET_MS * 0.7)
    expect(slice).toBeLessThan(TARGET_MS * 1.1)
  })

  it('begins with one workgroup where only fuel bounds it', () => {
    expect(atMost(new SliceBudget(1, true))).toBe(1)
    expect(atMost(new SliceBudget(1, false))).toBe(16)
    expect(atMost(learnt(0.01, true))).toBeGreaterThan(700)
  })

  it('cuts at once after a slice that took too long', () => {
    const budget = learnt(0.01)
    const groups = atMost(budget)
    budget.learn([one(groups)], TARGET_MS * groups)
    expect(atMost(budget)).toBe(1)
  })

  it('believes its estimate no more after three slices of over ten times it', () => {
    const budget = learnt(0.01)
    for (let strike = 1; strike <= 3; strike++) {
      expect(budget.measured(0)).toBe(true)
      const groups = atMost(budget)
      budget.learn([one(groups)], budget.estimateMs(one(groups)) * 11)
    }
    expect(budget.measured(0)).toBe(false)
  })

  it('follows what is lent, halves after a lost device, and never aims over 100 ms', () => {
    const budget = learnt(0.01)
    const full = atMost(budget)
    budget.aim(5)
    expect(atMost(budget)).toBe(Math.floor(full / 2))
    budget.halve()
    expect(atMost(budget)).toBe(Math.floor(full / 4))
    budget.aim(1_000)
    expect(budget.targetMs).toBe(100)
  })
})
