/** The folders of examples/jobs as a newcomer publishes them: `submit --watch`, `results`, and the answers that are known. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { resultRowSchema, sha256Hex, type JobDetail, type ResultRow } from '@peercompute/job-specs'
import { keelingFit, leastSquares, MANDELBROT_TILE, parseMonths, QUEENS_SOLUTIONS, refineBest, resolveParams } from '@peercompute/kernels'
import { kernelFile } from '@peercompute/kernels/files'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { runCli, startServer, startVolunteer, type TestServer } from '../harness/index.ts'

type Volunteer = Awaited<ReturnType<typeof startVolunteer>>

let server: TestServer
let volunteers: readonly Volunteer[] = []
let home = ''
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'peercompute-examples-'))
  server = await startServer()
  volunteers = await Promise.all(['first', 'second'].map((name) => startVolunteer(server.url, { name })))
})
afterAll(async () => {
  await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

/** Publishes the example, watches it to its end, and downloads its results. */
async function run(example: string): Promise<{ job: JobDetail; rows: readonly ResultRow[] }> {
  const env = { XDG_CONFIG_HOME: home, PEERCOMPUTE_COORDINATOR: server.url }
  const folder = fileURLToPath(new URL(`../../examples/jobs/${example}`, import.meta.url))
  const submitted = await runCli(['submit', folder, '--watch', '--timeout', '90'], env, 100_000)
  expect(submitted.code, submitted.stderr).toBe(0)
  const { code, stdout, stderr } = await runCli(['results', example], env)
  expect(code, stderr).toBe(0)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => resultRowSchema.parse(JSON.parse(line)))
  const job = await server.job(submitted.stdout.trim())
  expect(job).toMatchObject({ state: 'completed', sameMachine: false, failures: [] })
  expect(rows.map(({ unit }) => unit)).toEqual(Array.from({ length: job.unitCount }, (_, unit) => unit))
  for (const { votes } of rows) expect(new Set(votes.map(({ host }) => host)).size).toBe(2)
  return { job, rows }
}

it('twelve queens leave each other in peace in 14 200 ways', async () => {
  const { job, rows } = await run('n-queens')
  expect(QUEENS_SOLUTIONS.get(12)).toBe(14_200)
  expect(job.reduced).toEqual({ kind: 'sum', sum: '14200' })
  expect(rows.reduce((sum, { values }) => sum + Number(values['count']?.[0]), 0)).toBe(14_200)
})

it('the best model of the Mauna Loa record is the known one, and refined it is the closed-form solution', async () => {
  const { job, rows } = await run('keeling-fit')
  expect(job.reduced).toMatchObject({ kind: 'argmin', unit: 2_078, index: 213 })
  const params = resolveParams(keelingFit, job.spec.params)
  const refined = refineBest(params, { unit: 2_078, index: 213 }, (unit, index) => Number(rows[unit]?.values['misfit']?.[index]))
  const closedForm = leastSquares(parseMonths(readFileSync(kernelFile('keeling-fit', 'data/co2-concentration.csv'), 'utf8')))
  expect(refined.trend).toBeCloseTo(closedForm.trend, 4)
  expect(refined.curvature).toBeCloseTo(closedForm.curvature, 5)
  expect(refined.misfit).toBeCloseTo(closedForm.misfit, 0)
})

it('the picture of the Mandelbrot set has all its 192 tiles, and they are those that the program gives here', async () => {
  const { job, rows } = await run('mandelbrot')
  expect(rows).toHaveLength(192)
  const module: unknown = await import(pathToFileURL(kernelFile('mandelbrot', 'kernel.js')).href)
  const { default: compute } = z
    .object({ default: z.custom<(task: object) => { iterations: Uint32Array }>((value) => typeof value === 'function') })
    .parse(module)
  for (const unit of [0, 17, 88, 104, 191]) {
    const { iterations } = compute({ unit, params: job.spec.params, inputs: {} })
    expect(iterations).toHaveLength(MANDELBROT_TILE ** 2)
    expect(rows[unit]?.digest).toBe(sha256Hex(new Uint8Array(iterations.buffer)))
    expect(rows[unit]?.values['iterations']).toEqual([...iterations])
  }
})
