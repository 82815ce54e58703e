/** Coordinators that were killed and lost their data: what the ledger remembers is enough to go on, on this disk or with a volunteer. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkCreditExport, creditExportSchema, ERRORS, jobPageSchema, type JobId } from '@peercompute/job-specs'
import { QUEENS_SOLUTIONS } from '@peercompute/kernels'
import { exportLedger, settledUnits, type LedgerState } from '@peercompute/ledger'
import { PRICED_AFTER } from '@peercompute/relay-coordinator/core'
import type { NodeKernel } from '@peercompute/worker-client/node'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { runCli, startServer, startVolunteer, until, type TestServer } from '../harness/index.ts'
import { publish, queensJob } from './parts/publish.ts'

const UNITS = 15 ** 2
const recoveredSchema = z.object({ recovered: z.object({ jobs: z.int(), units: z.int(), accounts: z.int() }) })
const resultsSchema = z.object({ rows: z.array(z.object({ unit: z.int() })), notHeld: z.int().optional() })

let dataDir = ''
let running: { stop(): Promise<unknown> }[]
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'peercompute-rebuild-'))
  running = []
})
afterEach(async () => {
  for (const part of running.reverse()) await part.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function serve(...args: string[]): Promise<TestServer> {
  const server = await startServer({ dataDir, args })
  running.push(server)
  return server
}

/** Everything but the keys. */
function loseData(what: RegExp): void {
  for (const name of readdirSync(dataDir)) if (what.test(name)) rmSync(join(dataDir, name), { recursive: true })
}

const EVERYTHING = /^(coordinator\.sqlite|feeds\.sqlite|blobs)/
const DATABASE = /^coordinator\.sqlite/

/** A volunteer has computed a part of a job when the coordinator is killed. What its replica holds is all that is left. */
async function killHalfWay(): Promise<{
  id: JobId
  port: number
  root: string
  volunteer: NodeKernel
  before: LedgerState
  units: number
}> {
  const server = await startServer({ dataDir })
  const volunteer = await startVolunteer(server.url, { name: 'the one who remembers' })
  running.push(volunteer)
  const { id } = await publish(server.url, await queensJob(15))
  const settled = () => settledUnits(volunteer.state.state()?.jobs.get(id)?.settled ?? [])
  await until('a part of the job in the replica', () => settled() >= UNITS / 10, 60_000)
  await server.process.end('SIGKILL')
  await until('the loss', () => volunteer.snapshot().network.connection !== 'connected')
  const before = volunteer.state.state()
  if (before === null) throw new Error('the replica follows no root')
  expect(settled()).toBeLessThan(UNITS)
  return { id, port: server.port, root: server.root, volunteer, before, units: settled() }
}

function creditOf({ credit }: LedgerState): number {
  return [...credit.values()].reduce((sum, each) => sum + each, 0)
}

async function expectTheJobToEnd(
  server: TestServer,
  id: JobId,
  volunteer: NodeKernel,
  restoredUnits: number,
  before: LedgerState
): Promise<void> {
  await until('the end of the job', async () => (await server.job(id)).state === 'completed', 100_000)
  const job = await server.job(id)
  expect(job).toMatchObject({ units: { validated: UNITS, errored: 0 }, notHeld: restoredUnits })
  const { rows, notHeld } = resultsSchema.parse(await server.get(`/api/v1/jobs/${id}/results?limit=1000`))
  expect({ rows: rows.length, notHeld, distinct: new Set(rows.map(({ unit }) => unit)).size }).toEqual({
    rows: UNITS - restoredUnits,
    notHeld: restoredUnits,
    distinct: UNITS - restoredUnits
  })
  await until('every report answered', () => volunteer.snapshot().reportsWaiting === 0)
  await until('the end in the replica', () => volunteer.state.state()?.jobs.get(id)?.ended?.state === 'completed')
  await expectCredit(server, volunteer, { carried: creditOf(before), units: UNITS - restoredUnits })
}

/** What was settled before keeps what it had earned. Each of the other units has earned the same, and each exactly once. */
async function expectCredit(
  server: TestServer,
  volunteer: NodeKernel,
  { carried, units }: { carried: number; units: number }
): Promise<void> {
  const books = creditExportSchema.parse(await server.get('/api/v1/credit/export'))
  expect(await checkCreditExport(books, server.root)).toEqual([])
  expect(books.sums.carried).toBe(carried)
  expect(books.jobs.map(({ results }) => results)).toEqual([units])
  await until('the credit in the replica', () => {
    const state = volunteer.state.state()
    return state !== null && creditOf(state) === books.sums.microCredits
  })
}

it('database and feeds lost: --recover takes jobs, settlements and credit from a volunteer, and the rest is computed', async () => {
  const { id, port, root, volunteer, before, units } = await killHalfWay()
  loseData(EVERYTHING)

  const server = await serve('--port', String(port), '--recover')
  expect(server.root).toBe(root)
  expect(JSON.parse(server.process.stdout().split('\n')[0] ?? '')).toMatchObject({ recovering: true })
  // Until it knows what it had promised it takes no work, and says that this will pass.
  const refused = await fetch(`${server.url}/api/v1/jobs/${id}`)
  if (refused.status !== 200)
    expect({ status: refused.status, later: refused.headers.get('retry-after'), problem: await refused.json() }).toMatchObject({
      status: ERRORS.RECOVERING.status,
      later: '5',
      problem: { code: 'RECOVERING' }
    })
  const [line] = await server.process.line(/^\{"recovered".*\}$/m, 60_000)
  expect(recoveredSchema.parse(JSON.parse(line)).recovered).toEqual({ jobs: 1, units, accounts: 1 })
  await expectTheJobToEnd(server, id, volunteer, units, before)

  const { stdout, stderr } = await runCli(['results', id, '--format', 'ndjson'], { PEERCOMPUTE_COORDINATOR: server.url })
  expect(stdout.trim().split('\n')).toHaveLength(UNITS - units)
  expect(stderr).toMatch(new RegExp(`${units} .*not held`))
})

it('only the database lost: the feeds on the disk suffice, without being asked', async () => {
  const { id, port, volunteer, before, units } = await killHalfWay()
  loseData(DATABASE)
  const server = await serve('--port', String(port))
  const { warnings } = z.object({ warnings: z.array(z.string()) }).parse(JSON.parse(server.process.stdout().split('\n')[0] ?? ''))
  expect(warnings).toEqual([expect.stringMatching(/^The database was empty: 1 jobs, \d+ settled units/)])
  const { notHeld = 0 } = await server.job(id)
  // What the disk had and no peer had heard of yet counts, too.
  expect(notHeld).toBeGreaterThanOrEqual(units)
  await until('the end of the job', async () => (await server.job(id)).state === 'completed', 100_000)
  expect(await server.job(id)).toMatchObject({ units: { validated: UNITS }, notHeld })
  const { reduced } = z.object({ reduced: z.object({ sum: z.string() }) }).parse(await server.get(`/api/v1/jobs/${id}/reduced`))
  expect(BigInt(reduced.sum)).toBeLessThan(BigInt(QUEENS_SOLUTIONS.get(15) ?? 0))
  // The price was fixed by then.
  expect(units).toBeGreaterThanOrEqual(PRICED_AFTER)
  await expectCredit(server, volunteer, { carried: (creditOf(before) / units) * notHeld, units: UNITS - notHeld })
})

it('everything lost and no peer there: an exported ledger does, and another coordinator’s is refused', async () => {
  const { id, port, volunteer, before, units } = await killHalfWay()
  loseData(EVERYTHING)
  const file = join(dataDir, 'ledger.bin')
  writeFileSync(file, exportLedger(volunteer.state.ledger))
  const server = await serve('--port', String(port), '--recover-from', file)
  expect(await server.job(id)).toMatchObject({ notHeld: units })
  await expectTheJobToEnd(server, id, volunteer, units, before)

  const elsewhere = mkdtempSync(join(dataDir, 'other-'))
  const { code, stderr } = await runCli(['serve', '--port', '0', '--data', elsewhere, '--recover-from', file])
  expect({ code, stderr }).toMatchObject({
    code: ERRORS.CONFIG_INVALID.exit,
    stderr: expect.stringMatching(/says nothing of the coordinator/)
  })
})

it('known keys and no data: it says that peers may remember, and starts all the same', async () => {
  await (await startServer({ dataDir })).process.end()
  loseData(EVERYTHING)
  const server = await serve()
  expect(server.process.stdout()).toContain('--recover')
  expect(jobPageSchema.parse(await server.get('/api/v1/jobs')).jobs).toEqual([])
})
