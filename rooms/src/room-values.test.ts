import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ledgerJob, ledgerState, settled, signedJob, valueOf } from '../test/fixtures.ts'
import { createRoomJobs } from './room-jobs.ts'
import { createRoomValues } from './room-values.ts'

const signed = await signedJob(20)

describe('the values that a member keeps', () => {
  it('count only where the ledger has the digest of just these', () => {
    const job = ledgerJob(signed, { settled: [settled(0, 3), settled(5, 2), settled(10, 2)] })
    const values = createRoomValues()
    for (const unit of [0, 1, 2, 5, 10, 11]) values.put(job.id, unit, unit === 11 ? valueOf(99) : valueOf(unit))
    expect([...values.verified(job).keys()], 'unit 6 is missing, unit 11 is wrong').toEqual([0, 1, 2])
    values.put(job.id, 6, valueOf(6))
    expect([...values.verified(job).keys()]).toEqual([0, 1, 2, 5, 6])
  })

  it('may come again when they were wrong', () => {
    const job = ledgerJob(signed, { settled: [settled(0, 2)] })
    const values = createRoomValues()
    values.put(job.id, 0, valueOf(7))
    values.put(job.id, 1, valueOf(1))
    expect(values.verified(job).size).toBe(0)
    expect(values.bytes).toBe(0)
    values.put(job.id, 0, valueOf(0))
    values.put(job.id, 1, valueOf(1))
    expect(values.verified(job).size).toBe(2)
  })

  it('are verified in whatever order they and the records come', () => {
    const ranges = [settled(0, 4), settled(4, 1), settled(5, 7), settled(12, 8)]
    const units = Array.from({ length: 20 }, (_, unit) => unit)
    fc.assert(
      fc.property(fc.shuffledSubarray(units), fc.subarray(ranges), (arrived, known) => {
        const values = createRoomValues()
        const before = ledgerJob(signed)
        arrived.forEach((unit) => {
          values.put(before.id, unit, valueOf(unit))
          values.verified(ledgerJob(signed, { settled: known }))
        })
        const held = new Set(arrived)
        const wanted = known.flatMap(({ start, count }) => {
          const range = units.slice(start, start + count)
          return range.every((unit) => held.has(unit)) ? range : []
        })
        const verified = [...values.verified(ledgerJob(signed, { settled: known })).keys()].sort((a, b) => a - b)
        expect(verified).toEqual(wanted.sort((a, b) => a - b))
      })
    )
  })

  it('take no more room than allowed', () => {
    const values = createRoomValues(10)
    const { id } = ledgerJob(signed)
    for (const unit of [0, 1, 2]) values.put(id, unit, valueOf(unit))
    expect(values.held().map(({ unit }) => unit)).toEqual([0, 1])
    expect(values.bytes).toBe(8)
  })

  it('are summed up over what was checked', () => {
    const job = ledgerJob(signed, { settled: [settled(0, 3), settled(5, 2)] })
    const values = createRoomValues()
    const jobs = createRoomJobs(values)
    for (const unit of [0, 1, 2, 5]) values.put(job.id, unit, valueOf(unit))
    const [view] = jobs(ledgerState(job))
    expect(view).toMatchObject({ state: 'running', settled: 5, verified: 3, reduced: { kind: 'sum', sum: '3' } })
    expect(jobs(ledgerState(job))[0], 'nothing has changed').toBe(view)
  })
})
