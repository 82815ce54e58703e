import { readFile } from 'node:fs/promises'
import { compareValues, emptyReduced, outputElements, reduceUnit, sha256Hex, utf8 } from '@peercompute/job-specs'
import { beforeAll, describe, expect, it } from 'vitest'
import { kernelFile } from '../src/files.ts'
import { resolveParams } from '../src/params.ts'
import { javaScriptRunner } from '../testing/run-js.ts'
import { wasmRunner } from '../testing/run-wasm.ts'
import { runWgsl } from '../testing/run-wgsl.ts'
import { testJob, type TestJob, type UnitRunner } from '../testing/test-job.ts'
import { RECORD_BOUNDS, RESIDUAL_FLOOR_PPM } from './error-bound.ts'
import { cellOf, modelAt, type KeelingParams } from './grid.ts'
import { keelingFit } from './manifest.ts'
import { parseMonths, recordColumns, type Month } from './record.ts'
import { bestMisfitOf, leastSquares, misfitOf } from './reference.ts'
import { refineBest } from './refine.ts'

const SAMPLE_UNITS = [0, 63, 777, 2078, 4032, 4095]

let csv: string
let months: Month[]
let job: TestJob
let js: UnitRunner
let wasm: UnitRunner
let params: KeelingParams
beforeAll(async () => {
  csv = await readFile(kernelFile('keeling-fit', 'data/co2-concentration.csv'), 'utf8')
  months = parseMonths(csv)
  job = await testJob('keeling-fit')
  js = await javaScriptRunner(job)
  wasm = await wasmRunner(job)
  params = resolveParams(keelingFit, {})
})
const misfits = (value: Uint8Array) => outputElements(job.spec.outputs, 'misfit', value)

describe('the record', () => {
  it('is the vendored table, unchanged', () => {
    expect(sha256Hex(utf8(csv))).toBe('c1a4a970864145940a28225cae288618b156cb32f9a2a1b6606ba7124134febb')
  })

  it('holds 741 months from March 1958 to April 2020', () => {
    expect(months).toHaveLength(741)
    expect(months[0]).toEqual({ time: 1958 + 2.5 / 12, co2: 315.7 })
    expect(months.at(-1)).toEqual({ time: 2020 + 3.5 / 12, co2: 416.18 })
  })

  it('refuses a table of another form, with the line', () => {
    const header = 'Date,CO2,adjusted CO2\n'
    expect(() => parseMonths('Date,CO2\n')).toThrow('header')
    expect(() => parseMonths(`${header}1958-03-01,,314.44`)).toThrow('"1958-03-01,,314.44"')
    expect(() => parseMonths(`${header}1958-03-01,-99.99,-99.99`)).toThrow(SyntaxError)
  })

  it('becomes five centred columns within the bounds that the tolerance is derived from', () => {
    const columns = recordColumns(months)
    const bounds = [RECORD_BOUNDS.years, RECORD_BOUNDS.squares, RECORD_BOUNDS.seasons, RECORD_BOUNDS.seasons, RECORD_BOUNDS.co2]
    expect(columns).toHaveLength(5 * RECORD_BOUNDS.months)
    bounds.forEach((bound, column) => {
      const values = [...columns.subarray(column * months.length, (column + 1) * months.length)]
      const largest = Math.max(...values.map(Math.abs))
      expect(largest).toBeLessThanOrEqual(bound)
      expect(largest).toBeGreaterThan(0.95 * bound)
      expect(Math.abs(values.reduce((sum, value) => sum + value, 0) / values.length)).toBeLessThan(1e-6 * bound)
    })
  })
})

describe('the closed form', () => {
  it('is a minimum: every small step away from it fits worse', () => {
    const best = leastSquares(months)
    for (const [name, pace] of [
      ['constant', 0.1],
      ['trend', 0.01],
      ['curvature', 0.001],
      ['cosine', 0.1],
      ['sine', 0.1]
    ] as const) {
      for (const sign of [-1, 1]) expect(misfitOf(months, { ...best, [name]: best[name] + sign * pace })).toBeGreaterThan(best.misfit)
    }
  })

  it('finds the published picture: 1.6 ppm/yr in 1990, rising faster, with a yearly swing of 3 ppm to each side', () => {
    const best = leastSquares(months)
    expect(best.trend).toBeCloseTo(1.593, 3)
    expect(best.curvature).toBeCloseTo(0.01304, 5)
    expect(Math.hypot(best.cosine, best.sine)).toBeCloseTo(2.85, 2)
    expect(best.constant).toBeCloseTo(352, 0)
    expect(Math.sqrt(best.misfit / months.length)).toBeGreaterThan(RESIDUAL_FLOOR_PPM)
  })
})

describe('the programs', () => {
  it('give the misfit of the definition: the constant is the mean residual', () => {
    for (const unit of SAMPLE_UNITS) {
      misfits(js(unit)).forEach((misfit, index) => {
        const defined = bestMisfitOf(months, modelAt(params, cellOf(params, unit, index)))
        // The record is rounded to f32 (relative 6e-8 of each column), the result once more.
        expect(Math.abs(misfit - defined) / defined).toBeLessThan(2e-6)
      })
    }
  })

  it('agree byte for byte between JavaScript and WASM on every unit', () => {
    for (let unit = 0; unit < job.spec.unitCount; unit++) expect(Buffer.compare(wasm(unit), js(unit)), `unit ${unit}`).toBe(0)
  })

  it('agree between WGSL and JavaScript within the derived tolerance, in whole and in cut passes', async () => {
    const whole = await runWgsl(job, SAMPLE_UNITS, [65_535, 65_535])
    const cut = await runWgsl(job, SAMPLE_UNITS, [1, 1])
    SAMPLE_UNITS.forEach((unit, index) => {
      const value = whole[index] ?? new Uint8Array()
      expect(compareValues(job.spec.verification.comparator, job.spec.outputs, value, js(unit))).toMatchObject({ agree: true })
      expect(Buffer.compare(value, cut[index] ?? new Uint8Array())).toBe(0)
    })
  })

  it('disagree with a neighbouring unit, so the tolerance does not let anything through', () => {
    expect(compareValues(job.spec.verification.comparator, job.spec.outputs, js(2078), js(2079)).agree).toBe(false)
  })

  it('cover another grid too: few rows, other ranges', async () => {
    const small = await testJob('keeling-fit', {
      columns: 5,
      rows: 3,
      trendFrom: -1,
      trendTo: 2.5,
      curvatureFrom: -0.05,
      curvatureTo: 0.05,
      cosineFrom: -10,
      cosineTo: 1
    })
    const [runJs, runWasm] = [await javaScriptRunner(small), await wasmRunner(small)]
    const units = [0, 4, 5, 14]
    const values = await runWgsl(small, units)
    units.forEach((unit, index) => {
      expect(compareValues({ kind: 'exact' }, small.spec.outputs, runWasm(unit), runJs(unit)).agree).toBe(true)
      expect(
        compareValues(small.spec.verification.comparator, small.spec.outputs, values[index] ?? new Uint8Array(), runJs(unit)).agree
      ).toBe(true)
    })
  })
})

describe('the whole job', () => {
  const wholeJob = (run: UnitRunner) => {
    const values = Array.from({ length: job.spec.unitCount }, (_, unit) => run(unit))
    const reduced = values.reduce(
      (current, value, unit) => reduceUnit(job.spec.reduce, job.spec.outputs, current, unit, value),
      emptyReduced(job.spec.reduce)
    )
    if (reduced.kind !== 'argmin' || reduced.unit === null || reduced.index === null) throw new Error('the job found no minimum')
    return {
      best: { unit: reduced.unit, index: reduced.index },
      value: reduced.value,
      valueAt: (unit: number, index: number) => misfits(values[unit] ?? new Uint8Array())[index] ?? Number.NaN
    }
  }

  it('finds the cell of the grid that the closed form calls best', () => {
    const { best, value } = wholeJob(wasm)
    const exact = leastSquares(months)
    const found = modelAt(params, cellOf(params, best.unit, best.index))
    expect(Math.abs(found.trend - exact.trend)).toBeLessThan((params.trendTo - params.trendFrom) / params.columns)
    expect(Math.abs(found.curvature - exact.curvature)).toBeLessThan((params.curvatureTo - params.curvatureFrom) / params.rows)
    expect(Math.abs(found.cosine - exact.cosine)).toBeLessThan(0.5)
    expect(Math.abs(found.sine - exact.sine)).toBeLessThan(0.5)
    expect(value).toBeCloseTo(bestMisfitOf(months, found), 2)
    // By hand, in float64: none of the 2304 models of the nine units around it fits better.
    const [column, row] = cellOf(params, best.unit, best.index)
    const around = [-1, 0, 1]
    for (const unit of around.flatMap((down) => around.map((right) => (row + down) * params.columns + column + right))) {
      for (let index = 0; index < 256; index++)
        expect(bestMisfitOf(months, modelAt(params, cellOf(params, unit, index)))).toBeGreaterThan((value ?? 0) - 0.001)
    }
  })

  it('leads from the best cell to the closed-form optimum', () => {
    const { best, valueAt } = wholeJob(wasm)
    const exact = leastSquares(months)
    const asked = new Set<number>()
    const refined = refineBest(params, best, (unit, index) => {
      asked.add(unit)
      return valueAt(unit, index)
    })
    expect(asked.size).toBeLessThanOrEqual(9)
    expect(refined.trend).toBeCloseTo(exact.trend, 5)
    expect(refined.curvature).toBeCloseTo(exact.curvature, 6)
    expect(refined.cosine).toBeCloseTo(exact.cosine, 4)
    expect(refined.sine).toBeCloseTo(exact.sine, 4)
    expect(refined.misfit).toBeCloseTo(exact.misfit, 2)
  })

  it('leads there from a corner of the grid as well, and with the smallest reach', () => {
    const { best, valueAt } = wholeJob(wasm)
    const exact = leastSquares(months)
    expect(refineBest(params, { unit: 0, index: 255 }, valueAt).trend).toBeCloseTo(exact.trend, 3)
    expect(refineBest(params, best, valueAt, 1).trend).toBeCloseTo(exact.trend, 4)
  })

  it('cannot be refined on a grid without neighbours', () => {
    expect(() => refineBest({ ...params, rows: 2 }, { unit: 0, index: 0 }, () => 1)).toThrow(RangeError)
    expect(() => refineBest(params, { unit: 0, index: 0 }, () => 1)).toThrow(RangeError)
  })
})
