import { compareValues, emptyReduced, reduceUnit } from '@peercompute/job-specs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { kernelFile } from '../src/files.ts'
import { javaScriptRunner } from '../testing/run-js.ts'
import { wasmRunner } from '../testing/run-wasm.ts'
import { runWgsl } from '../testing/run-wgsl.ts'
import { testJob, type TestJob } from '../testing/test-job.ts'
import { nQueens, QUEENS_SOLUTIONS } from './manifest.ts'

const total = ({ spec }: TestJob, valueOf: (unit: number) => Uint8Array) =>
  Array.from({ length: spec.unitCount }, (_, unit) => unit).reduce(
    (current, unit) => reduceUnit(spec.reduce, spec.outputs, current, unit, valueOf(unit)),
    emptyReduced(spec.reduce)
  )
const known = (n: number) => ({ kind: 'sum', sum: String(QUEENS_SOLUTIONS.get(n)) })
const allUnits = ({ spec }: TestJob) => Array.from({ length: spec.unitCount }, (_, unit) => unit)

describe('n-queens', () => {
  it.each([5, 6, 7, 8, 9, 10, 11, 12])('counts every board of %i queens in JavaScript', async (n) => {
    const job = await testJob('n-queens', { n })
    expect(total(job, await javaScriptRunner(job))).toEqual(known(n))
  })

  it.each([
    [10, '724'],
    [11, '2680'],
    [12, '14200'],
    [13, '73712'],
    [14, '365596']
  ] as const)('counts %i queens in WASM: %s', async (n, sum) => {
    const job = await testJob('n-queens', { n })
    expect(total(job, await wasmRunner(job))).toEqual({ kind: 'sum', sum })
  })

  it.each([5, 6, 9, 10])('counts every unit of %i queens in WGSL as in JavaScript, in several dispatches', async (n) => {
    const job = await testJob('n-queens', { n })
    const js = await javaScriptRunner(job)
    const values = await runWgsl(job, allUnits(job))
    expect(total(job, (unit) => values[unit] ?? new Uint8Array())).toEqual(known(n))
    allUnits(job).forEach((unit) => {
      expect(compareValues({ kind: 'exact' }, job.spec.outputs, values[unit] ?? new Uint8Array(), js(unit)).agree, `unit ${unit}`).toBe(
        true
      )
    })
  })

  it.each([
    [12, [2, 77, 143]],
    [14, [5, 100]],
    [15, [32]]
  ] as const)('counts units of %i queens in WGSL as in WASM', async (n, units) => {
    const job = await testJob('n-queens', { n })
    const wasm = await wasmRunner(job)
    const values = await runWgsl(job, units, [64, 1])
    units.forEach((unit, index) => {
      expect(values[index]).toEqual(wasm(unit))
    })
  })

  it('counts 0 for a unit whose two queens attack each other, in every program', async () => {
    const job = await testJob('n-queens', { n: 12 })
    const [js, wasm] = [await javaScriptRunner(job), await wasmRunner(job)]
    const attacking = [0, 1, 12 * 5 + 5, 12 * 5 + 6, 12 * 5 + 4, 143]
    const values = await runWgsl(job, attacking)
    const none = new Uint8Array(4)
    attacking.forEach((unit, index) => {
      expect([js(unit), wasm(unit), values[index]]).toEqual([none, none, none])
    })
  })

  it('gives the WGSL walk as many steps as nine rows can take', async () => {
    const source = await readFile(kernelFile('n-queens', 'kernel.wgsl'), 'utf8')
    let placements = 0
    for (let rows = 1, ways = 9; rows <= 9; ways *= 9 - rows, rows++) placements += ways
    expect(Number(/const FUEL = (\d+)u;/.exec(source)?.[1])).toBe(2 * placements + 1)
  })

  it('states the cost of a unit from the placements that a search visits', () => {
    const visited = (all: number, columns: number, left: number, right: number): number => {
      let count = 0
      for (let open = all & ~(columns | left | right); open !== 0; open &= open - 1) {
        const bit = open & -open
        count += 1 + visited(all, columns | bit, (left | bit) << 1, (right | bit) >> 1)
      }
      return count
    }
    for (let n = 5; n <= 11; n++) expect(nQueens.unitOperations({ n })).toBe(Math.round((12 * visited((1 << n) - 1, 0, 0, 0)) / (n * n)))
  })
})
