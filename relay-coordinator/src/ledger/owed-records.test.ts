import { expect, it } from 'vitest'
import fc from 'fast-check'
import type { AccountId, ContentHash, JobId } from '@peercompute/job-specs'
import { RangeSet } from '../core/index.ts'
import { OwedRecords } from './owed-records.ts'
import { unknown } from './settlements-missing.ts'

const A = 'a'.repeat(64) as JobId
const B = 'b'.repeat(64) as JobId
const digest = (n: number) => n.toString(16).padStart(64, '0') as ContentHash
const credit = (n: number, microCredits: number, ...jobs: JobId[]) => ({
  kind: 'credit' as const,
  account: String(n).padStart(43, 'A') as AccountId,
  microCredits,
  jobs
})
const settled = (job: JobId, start: number, count = 1) => ({
  kind: 'settled' as const,
  job,
  start,
  digests: Array.from({ length: count }, (_, n) => digest(start + n))
})

it('joins ranges and totals while they wait, and tells them once', () => {
  const owed = new OwedRecords()
  for (const unit of [3, 1, 7, 2]) owed.note(settled(A, unit))
  owed.note(credit(1, 10, A))
  owed.note(credit(1, 20, B))
  expect(owed.takeAll()).toEqual([settled(A, 1, 3), settled(A, 7), credit(1, 20, A, B)])
  expect([owed.empty, owed.takeAll()]).toEqual([true, []])
})

it('tells of some jobs what belongs to them, and keeps the rest', () => {
  const owed = new OwedRecords()
  for (const each of [settled(A, 1), settled(B, 5), credit(1, 10, A), credit(2, 10, B), credit(3, 15, B, A)]) owed.note(each)
  expect(owed.takeOf(new Set())).toEqual([])
  expect(owed.takeOf(new Set([A]))).toEqual([settled(A, 1), credit(1, 10, A), credit(3, 15, B, A)])
  expect(owed.takeAll()).toEqual([settled(B, 5), credit(2, 10, B)])
})

it('finds exactly the units that the feed does not know', () => {
  const ranges = fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 20 })), { maxLength: 12 })
  const setOf = (parts: readonly (readonly [number, number])[]): RangeSet => {
    const set = new RangeSet()
    for (const [start, count] of parts) set.add(start, count)
    return set
  }
  fc.assert(
    fc.property(ranges, ranges, (has, knows) => {
      const [held, known] = [setOf(has), setOf(knows)]
      const found = [...unknown([...held.ranges()], known)].flatMap(([start, count]) => Array.from({ length: count }, (_, n) => start + n))
      expect(found).toEqual([...held.units()].filter((unit) => !known.has(unit)))
    })
  )
})
