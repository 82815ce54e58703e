/** A backup is made while volunteers are at work, more is settled, the coordinator dies, and the backup goes on elsewhere. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { creditExportSchema, ERRORS } from '@peercompute/job-specs'
import { settledUnits } from '@peercompute/ledger'
import { unitMicroCredits } from '@peercompute/relay-coordinator/core'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { runCli, startServer, startVolunteer, until } from '../harness/index.ts'
import { publish, queensJob } from './parts/publish.ts'

const UNITS = 15 ** 2
const resultsSchema = z.object({ rows: z.array(z.object({ unit: z.int(), digest: z.string() })) })
const backupSchema = z.object({ jobs: z.int(), settledUnits: z.int(), root: z.string(), files: z.int(), warnings: z.array(z.string()) })

let folder = ''
let running: { stop(): Promise<unknown> }[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-backup-'))
  running = []
})
afterEach(async () => {
  for (const part of running.reverse()) await part.stop()
  rmSync(folder, { recursive: true, force: true })
})

it('what the backup holds is there afterwards, the rest is computed again, nothing is credited twice, and no feed forks', async () => {
  const [first, copy, second] = ['first', 'copy', 'second'].map((name) => join(folder, name)) as [string, string, string]
  const before = await startServer({ dataDir: first })
  const volunteer = await startVolunteer(before.url, { name: 'the one who saw it all' })
  running.push(volunteer)
  const published = await queensJob(15)
  const { id } = await publish(before.url, published)
  const validated = async () => (await before.job(id)).units.validated
  await until('a part of the job', async () => (await validated()) >= UNITS / 8, 60_000)

  const results = async (server: typeof before) => resultsSchema.parse(await server.get(`/api/v1/jobs/${id}/results?limit=1000`)).rows
  const known = await results(before)
  const { code, stdout, stderr } = await runCli(['backup', copy, '--data', first, '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const made = backupSchema.parse(JSON.parse(stdout))
  expect(made).toMatchObject({ jobs: 1, root: before.root, warnings: [] })
  expect(made.settledUnits).toBeGreaterThanOrEqual(UNITS / 8)
  expect(made.settledUnits).toBeLessThan(UNITS)
  expect(statSync(join(copy, 'keys', 'operational.json')).mode & 0o077).toBe(0)

  // More than the backup knows is settled, and the volunteer's replica has heard of it.
  const told = () => settledUnits(volunteer.state.state()?.jobs.get(id)?.settled ?? [])
  await until('more in the replica', () => told() > made.settledUnits, 60_000)
  const epochs = volunteer.state.ledger.heads().map(({ epoch }) => epoch)
  await before.process.end('SIGKILL')

  expect((await runCli(['restore', copy, '--data', second])).code).toBe(0)
  const after = await startServer({ dataDir: second, args: ['--port', String(before.port)] })
  running.push(after)
  expect(after.root).toBe(before.root)
  const there = new Map((await results(after)).map(({ unit, digest }) => [unit, digest]))
  expect(there.size).toBeGreaterThanOrEqual(made.settledUnits)
  expect(known.filter(({ unit, digest }) => there.get(unit) !== digest)).toEqual([])
  await until('the end of the job', async () => (await after.job(id)).state === 'completed', 100_000)
  const job = await after.job(id)
  expect(job).toMatchObject({ units: { validated: UNITS, errored: 0 } })
  expect('notHeld' in job ? job.notHeld : 0).toBeFalsy()
  expect(await results(after)).toHaveLength(UNITS)

  const [priced] = creditExportSchema.parse(await after.get('/api/v1/credit/export')).jobs
  const perUnit = priced?.unitMicroCredits ?? 0
  // The price is fixed by what units take: between half and twice of what was declared.
  const declared = published.spec.unitOperations
  expect(perUnit).toBeGreaterThanOrEqual(unitMicroCredits(0.5 * declared))
  expect(perUnit).toBeLessThanOrEqual(unitMicroCredits(2 * declared))
  await until('the end in the replica', () => {
    const state = volunteer.state.state()
    const credit = [...(state?.credit.values() ?? [])].reduce((sum, each) => sum + each, 0)
    return state?.jobs.get(id)?.ended?.state === 'completed' && credit === perUnit * UNITS
  })
  const heads = volunteer.state.ledger.heads()
  expect(heads.map((feed) => volunteer.state.ledger.fork(feed)).filter((fork) => fork !== null)).toEqual([])
  expect(Math.max(...heads.map(({ epoch }) => epoch))).toBeGreaterThan(Math.max(...epochs))
})

it('refuses what would lose something: a folder that is there, a data folder in use, a backup that was changed', async () => {
  const [data, copy] = [join(folder, 'data'), join(folder, 'copy')]
  const server = await startServer({ dataDir: data })
  running.push(server)
  expect((await runCli(['backup', copy, '--data', data])).code).toBe(0)
  const refused = async (code: keyof typeof ERRORS, ...args: string[]) => {
    const run = await runCli([...args, '--json'])
    expect({ code: run.code, problem: JSON.parse(run.stderr.trim().split('\n').at(-1) ?? '') as unknown }).toMatchObject({
      code: ERRORS[code].exit,
      problem: { code }
    })
  }
  await refused('DATA_FOLDER_UNWRITABLE', 'backup', copy, '--data', data)
  await refused('DATA_FOLDER_UNWRITABLE', 'backup', join(folder, 'other'), '--data', join(folder, 'nothing here'))
  await refused('DATA_FOLDER_UNWRITABLE', 'restore', copy, '--data', data)
  mkdirSync(join(folder, 'empty'))
  await refused('BACKUP_INVALID', 'restore', join(folder, 'empty'), '--data', join(folder, 'new'))
  writeFileSync(join(copy, 'coordinator.sqlite'), 'something else')
  await refused('BACKUP_INVALID', 'restore', copy, '--data', join(folder, 'new'))
})
