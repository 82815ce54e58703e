/**
 * Jobs that check their own results, with a coordinator of its own process, real volunteers, and a majority of hosts that lie half of the
 * time: nothing wrong is accepted, and one execution a unit is enough.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { resultRowSchema, type JobDetail, type ResultRow } from '@peercompute/job-specs'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { lieAbout, runCli, seededRandom, startServer, startVolunteer, testSeed, until, type TestServer } from '../harness/index.ts'

type Volunteer = Awaited<ReturnType<typeof startVolunteer>>

let server: TestServer
let volunteers: readonly Volunteer[] = []
let folder = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-verifiers-'))
  server = await startServer()
})
afterEach(async () => {
  await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function run(name: string): Promise<{ job: JobDetail; rows: readonly ResultRow[] }> {
  const random = seededRandom(testSeed(`liars of ${name}`))
  const lending = (names: readonly string[], honest: boolean): Promise<readonly Volunteer[]> =>
    Promise.all(
      names.map((one) =>
        startVolunteer(server.url, {
          name: one,
          foreign: true,
          ...(honest ? {} : { change: (worker) => lieAbout(worker, () => random() < 0.5) })
        })
      )
    )
  const env = { XDG_CONFIG_HOME: folder, PEERCOMPUTE_COORDINATOR: server.url }
  const checked = await runCli(['check', join(folder, name)], env, 60_000)
  expect(checked.stderr).toContain('The check of the job passed all')
  const submitted = await runCli(['submit', join(folder, name)], env)
  expect(submitted.code, submitted.stderr).toBe(0)
  const id = submitted.stdout.trim()
  // Honest ones might do all of it before a liar is there.
  volunteers = await lending(['first', 'second', 'third'], false)
  await until('a lie that was refused', async () => refused(await server.job(id)) > 0, 60_000)
  volunteers = [...volunteers, ...(await lending(['fourth', 'fifth'], true))]
  await until('the end of the job', async () => (await server.job(id)).state === 'completed', 120_000)
  const { stdout } = await runCli(['results', name], env)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => resultRowSchema.parse(JSON.parse(line)))
  return { job: await server.job(id), rows }
}

function refused({ failures }: JobDetail): number {
  return failures.find(({ reason }) => reason === 'verification_failed')?.units ?? 0
}

it('a verifier of the job, in the cage of the coordinator', async () => {
  const job = join(folder, 'apart')
  mkdirSync(job, { recursive: true })
  cpSync(fileURLToPath(new URL('../../examples/jobs/factors/factor.js', import.meta.url)), join(job, 'factor.js'))
  writeFileSync(
    join(job, 'verify.js'),
    `export function verify({ unit, params, outputs: { factors } }) {
      let product = 1n
      for (let i = 0; i < factors.length; i += 2) {
        const factor = (BigInt(factors[i + 1]) << 32n) | BigInt(factors[i])
        if (factor === 1n) return { pass: false, detail: 'A factor is 1.' }
        if (factor > 0n) product *= factor
      }
      const wanted = BigInt(params.first) + BigInt(unit)
      return { pass: product === wanted, detail: product + ' instead of ' + wanted }
    }`
  )
  writeFileSync(
    join(job, 'job.json'),
    JSON.stringify({
      peercompute: 1,
      name: 'apart',
      kernel: { name: 'apart', js: 'factor.js' },
      params: { first: 1_000_000_007, step: 1 },
      units: 120,
      outputs: [{ name: 'factors', type: 'u32', shape: [52, 2] }],
      verification: { policy: 'verifier', verify: 'verify.js', independence: 'host' }
    })
  )
  const { job: detail, rows } = await run('apart')
  expect(rows).toHaveLength(120)
  for (const { unit, values } of rows) {
    const words = (values['factors'] ?? []).map(BigInt)
    let product = 1n
    for (let i = 0; i < words.length; i += 2) {
      const factor = ((words[i + 1] ?? 0n) << 32n) | (words[i] ?? 0n)
      if (factor > 0n) product *= factor
    }
    expect(product).toBe(1_000_000_007n + BigInt(unit))
  }
  expect(refused(detail)).toBeGreaterThan(0)
  expect(detail.executionsPerUnit).toBeLessThanOrEqual(1.1)
}, 180_000)

it("Freivalds' check of matrix products", async () => {
  const [n, units] = [24, 60]
  const random = seededRandom(testSeed('matrices'))
  const matrix = (count: number) => Float32Array.from({ length: count }, () => random() * 2 - 1)
  const [a, b] = [matrix(units * n * n), matrix(n * n)]
  const job = join(folder, 'products')
  mkdirSync(job, { recursive: true })
  writeFileSync(join(job, 'a.f32'), a)
  writeFileSync(join(job, 'b.f32'), b)
  writeFileSync(
    join(job, 'multiply.js'),
    `export default function compute({ unit, params: { n }, inputs: { a, b } }) {
      const c = new Float32Array(n * n)
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          let sum = 0
          for (let k = 0; k < n; k++) sum = Math.fround(sum + Math.fround(a[(unit * n + i) * n + k] * b[k * n + j]))
          c[i * n + j] = sum
        }
      return { c }
    }`
  )
  writeFileSync(
    join(job, 'job.json'),
    JSON.stringify({
      peercompute: 1,
      name: 'products',
      kernel: { name: 'multiply', js: 'multiply.js' },
      params: { n },
      units,
      inputs: [
        { name: 'a', file: 'a.f32', type: 'f32' },
        { name: 'b', file: 'b.f32', type: 'f32' }
      ],
      outputs: [{ name: 'c', type: 'f32', shape: [n, n] }],
      verification: { verify: { kind: 'freivalds', a: 'a', b: 'b', c: 'c', inner: n }, independence: 'host' }
    })
  )
  const { job: detail, rows } = await run('products')
  expect(rows).toHaveLength(units)
  for (const { unit, values } of rows) {
    const c = (values['c'] ?? []).map(Number)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0
        for (let k = 0; k < n; k++) sum += (a[(unit * n + i) * n + k] ?? 0) * (b[k * n + j] ?? 0)
        expect(Math.abs((c[i * n + j] ?? NaN) - sum)).toBeLessThan(1e-4)
      }
  }
  expect(refused(detail)).toBeGreaterThan(0)
  expect(detail.executionsPerUnit).toBeLessThanOrEqual(1.1)
}, 180_000)
