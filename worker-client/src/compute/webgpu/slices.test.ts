import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GpuPass } from './gpu-task.ts'
import { SLICE_TARGET_MS, SliceBudget, slicesOf } from './slices.ts'

function pass(groups: GpuPass['groups'], repeat = 1): GpuPass {
  return { entry: 'main', groups, grid: groups, workgroup: [1, 1, 1], repeat }
}

describe('slicesOf', () => {
  it('covers every workgroup of every repeat exactly once, within both limits', () => {
    const seed = Date.now()
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 7 })),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }),
        (groups, repeat, limits) => {
          let turn = 0
          let most = 0
          const seen = new Map<string, number>()
          for (const slice of slicesOf([pass(groups, repeat)], () => (most = limits[turn++ % limits.length] ?? 1))) {
            const [width, height, depth] = slice.groups
            expect(width * height * depth).toBeLessThanOrEqual(most)
            for (let z = 0; z < depth; z++)
              for (let y = 0; y < height; y++)
                for (let x = 0; x < width; x++) {
                  const key = [slice.repeat, slice.from[0] + x, slice.from[1] + y, slice.from[2] + z].join()
                  seen.set(key, (seen.get(key) ?? 0) + 1)
                }
          }
          expect(seen.size).toBe(groups[0] * groups[1] * groups[2] * repeat)
          expect([...seen.values()].every((count) => count === 1)).toBe(true)
          for (const key of seen.keys())
            expect(
              key
                .split(',')
                .slice(1)
                .every((at, axis) => Number(at) < (groups[axis] ?? 0))
            ).toBe(true)
        }
      ),
      { seed, numRuns: 60 }
    )
  })

  it('cuts a dimension of more than 65535 workgroups', () => {
    const slices = [...slicesOf([pass([200_000, 1, 1])], () => 1e9)]
    expect(slices.map((slice) => slice.groups[0])).toEqual([65_535, 65_535, 65_535, 3_395])
  })

  it('takes the whole grid at once when the time allows it', () => {
    expect([...slicesOf([pass([64, 64, 4]), pass([8, 1, 1], 2)], () => 1e9)]).toHaveLength(3)
  })
})

describe('SliceBudget', () => {
  /** A device that needs so long for a group. */
  function learnt(msPerGroup: number): number {
    const budget = new SliceBudget(1)
    for (let i = 0; i < 30; i++) {
      const groups = budget.groupsAtMost(0)
      budget.learn([{ pass: 0, repeat: 0, from: [0, 0, 0], groups: [groups, 1, 1] }], 0.2 + groups * msPerGroup)
    }
    return budget.groupsAtMost(0) * msPerGroup
  }
  it.each([1e-6, 1e-4, 0.01, 1, 10])('comes near the target on a device of %f ms a workgroup', (msPerGroup) => {
    expect(learnt(msPerGroup)).toBeGreaterThan(SLICE_TARGET_MS * 0.7)
    expect(learnt(msPerGroup)).toBeLessThan(50)
  })

  it('cuts at once after a slice that took too long', () => {
    const budget = new SliceBudget(1)
    const groups = budget.groupsAtMost(0)
    budget.learn([{ pass: 0, repeat: 0, from: [0, 0, 0], groups: [groups, 1, 1] }], SLICE_TARGET_MS * groups)
    expect(budget.groupsAtMost(0)).toBe(1)
  })
})
