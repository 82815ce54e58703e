import { compareValues, outputElements } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { javaScriptRunner } from '../testing/run-js.ts'
import { wasmRunner } from '../testing/run-wasm.ts'
import { runWgsl } from '../testing/run-wgsl.ts'
import { testJob, type TestJob, type UnitRunner } from '../testing/test-job.ts'
import { ONE, TILE } from './manifest.ts'

const pixels = ({ spec }: TestJob, value: Uint8Array) => outputElements(spec.outputs, 'iterations', value)
const param = ({ spec }: TestJob, name: string) => Number(spec.params[name])

/** Coordinates of a pixel in units of 2⁻²⁸, from the README. */
function coordinates(job: TestJob, unit: number, index: number): [number, number] {
  const columns = param(job, 'columns')
  const pitch = Math.floor(param(job, 'width') / (columns * TILE))
  const x = (unit % columns) * TILE + (index % TILE) - (columns * TILE) / 2
  const y = Math.floor(unit / columns) * TILE + Math.floor(index / TILE) - (param(job, 'rows') * TILE) / 2
  return [param(job, 'centerX') + x * pitch, param(job, 'centerY') - y * pitch]
}

/** The same fixed-point rule with unbounded integers. */
function escapeTimeExact(cX: number, cY: number, most: number): number {
  const size = (value: bigint) => (value < 0n ? -value : value)
  const multiply = (a: bigint, b: bigint) => {
    const product = (size(a) * size(b)) >> 28n
    return a < 0n === b < 0n ? product : -product
  }
  const two = 2n * BigInt(ONE)
  let [x, y] = [0n, 0n]
  for (let n = 0; n < most; n++) {
    if (size(x) > two || size(y) > two || multiply(x, x) + multiply(y, y) > 2n * two) return n
    ;[x, y] = [multiply(x, x) - multiply(y, y) + BigInt(cX), 2n * multiply(x, y) + BigInt(cY)]
  }
  return most
}

/** The textbook in doubles. */
function escapeTimeDouble(cX: number, cY: number, most: number): number {
  let [x, y] = [0, 0]
  for (let n = 0; n < most; n++) {
    if (x * x + y * y > 4) return n
    ;[x, y] = [x * x - y * y + cX, 2 * x * y + cY]
  }
  return most
}

/** Escape time of one point through a kernel: the middle pixel of a picture of one tile. */
async function escapeTimeOf(re: number, im: number, runner: (job: TestJob) => Promise<UnitRunner>): Promise<number | undefined> {
  const job = await testJob('mandelbrot', { centerX: re * ONE, centerY: im * ONE, width: 64, columns: 1, rows: 1, maxIterations: 500 })
  return pixels(job, (await runner(job))(0))[(TILE / 2) * TILE + TILE / 2]
}

const PICTURES = [
  ['the whole set', {}, [0, 87, 100, 191]],
  [
    'a narrow valley',
    {
      centerX: Math.round(-0.743643887 * ONE),
      centerY: Math.round(0.131825904 * ONE),
      width: 40_000,
      columns: 2,
      rows: 2,
      maxIterations: 2000
    },
    [0, 3]
  ],
  ['the far corners', { centerX: -2 * ONE, centerY: -2 * ONE, width: 4 * ONE, columns: 2, rows: 2, maxIterations: 50 }, [0, 1, 2, 3]],
  ['the smallest width', { centerX: ONE / 4, width: 64, columns: 1, rows: 3, maxIterations: 300 }, [0, 1, 2]]
] as const

describe('mandelbrot', () => {
  it.each(PICTURES)('draws %s the same to the bit in WGSL, JavaScript and WASM', async (_, params, units) => {
    const job = await testJob('mandelbrot', params)
    const [js, wasm] = [await javaScriptRunner(job), await wasmRunner(job)]
    const values = await runWgsl(job, units)
    units.forEach((unit, index) => {
      for (const value of [wasm(unit), values[index] ?? new Uint8Array()])
        expect(compareValues({ kind: 'exact' }, job.spec.outputs, value, js(unit))).toMatchObject({ agree: true })
    })
  })

  it.each(PICTURES)('draws %s by the fixed-point rule, recomputed with unbounded integers', async (_, params, units) => {
    const job = await testJob('mandelbrot', params)
    const js = await javaScriptRunner(job)
    for (const unit of units) {
      pixels(job, js(unit)).forEach((iterations, index) => {
        if (index % 37 !== 0) return
        const [cX, cY] = coordinates(job, unit, index)
        expect(iterations, `unit ${unit}, pixel ${index}`).toBe(escapeTimeExact(cX, cY, param(job, 'maxIterations')))
      })
    }
  })

  it.each([
    [0, 0, 500],
    [-1, 0, 500],
    [-2, 0, 500],
    [0.25, 0, 500],
    [0, 1, 500],
    [1, 0, 3],
    [2, 0, 2],
    [0.5, 0, 5],
    [-2, -2, 1]
  ])('knows that %d + %di leaves after %i steps (500: never)', async (re, im, steps) => {
    expect([await escapeTimeOf(re, im, javaScriptRunner), await escapeTimeOf(re, im, wasmRunner)]).toEqual([steps, steps])
  })

  it('covers the area of the set, 1.507', async () => {
    const job = await testJob('mandelbrot')
    const wasm = await wasmRunner(job)
    let inside = 0
    for (let unit = 0; unit < job.spec.unitCount; unit++)
      inside += pixels(job, wasm(unit)).filter((iterations) => iterations === 1000).length
    const edge = Math.floor((3.5 * ONE) / 1024) / ONE
    expect(inside * edge * edge).toBeCloseTo(1.507, 1)
    expect(Math.abs(inside * edge * edge - 1.5066)).toBeLessThan(0.01)
  })

  it('differs from double precision near the border only', async () => {
    const job = await testJob('mandelbrot')
    const js = await javaScriptRunner(job)
    let [same, all] = [0, 0]
    for (let unit = 0; unit < job.spec.unitCount; unit += 5) {
      pixels(job, js(unit)).forEach((iterations, index) => {
        const [cX, cY] = coordinates(job, unit, index)
        all++
        if (iterations === escapeTimeDouble(cX / ONE, cY / ONE, 1000)) same++
      })
    }
    expect(same / all).toBeGreaterThan(0.99)
  })
})
