import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RangeSet } from './range-set.ts'

it('RangeSet holds what a plain set would hold, in the fewest ranges', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(60), fc.integer({ min: -3, max: 9 })), { maxLength: 40 }), (changes) => {
      const ranges = new RangeSet()
      const plain = new Set<number>()
      for (const [start, count] of changes) {
        if (count < 1) {
          expect(ranges.delete(start)).toBe(plain.delete(start))
          continue
        }
        ranges.add(start, count)
        for (let unit = start; unit < start + count; unit++) plain.add(unit)
      }
      expect(ranges.size).toBe(plain.size)
      for (let unit = 0; unit < 80; unit++) expect(ranges.has(unit)).toBe(plain.has(unit))
      for (let start = 0; start < 70; start += 3)
        for (const count of [1, 4, 11]) {
          const units = Array.from({ length: count }, (_, i) => plain.has(start + i))
          expect([ranges.covers(start, count), ranges.meets(start, count)]).toEqual([units.every(Boolean), units.some(Boolean)])
        }
      expect([...ranges.units()]).toEqual([...plain].sort((a, b) => a - b))
      const listed = [...ranges.ranges()]
      listed.slice(1).forEach(([start], index) => {
        const before = listed[index]
        expect(before && before[0] + before[1] < start).toBe(true)
      })
    })
  )
})
