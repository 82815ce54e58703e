/** Processes that end in the middle of work: `peercompute start` killed without warning, and a coordinator told to stop. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jobDetailSchema, jobPageSchema, resultRowSchema, type JobDetail } from '@peercompute/job-specs'
import { afterAll, expect, it } from 'vitest'
import { z } from 'zod'
import { startCli, startServer, startVolunteer, until, type RunningProcess } from '../harness/index.ts'
import { publish, queensJob } from './parts/publish.ts'

/** Shares of the job after which the process is killed. */
const KILLS = [0.1, 0.4, 0.7] as const
const folder = mkdtempSync(join(tmpdir(), 'peercompute-crash-'))
const modelSchema = z.object({ trend: z.number(), curvature: z.number(), cosine: z.number(), sine: z.number(), misfit: z.number() })
const answerSchema = z.object({
  event: z.literal('answer'),
  best: z.object({ unit: z.int() }),
  refined: modelSchema,
  closedForm: modelSchema
})
const servingSchema = z.object({ event: z.literal('serving'), url: z.string(), port: z.int(), root: z.string() })

let running: RunningProcess | null = null
afterAll(async () => {
  await running?.end('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

async function start(port: number) {
  const process = startCli(['start', '--port', String(port), '--data', folder, '--json'])
  running = process
  const [line] = await process.line(/^\{"event":"serving".*\}$/m, 60_000)
  return { process, ...servingSchema.parse(JSON.parse(line)) }
}

async function sampleJob(url: string): Promise<JobDetail | undefined> {
  const [job] = jobPageSchema.parse(await (await fetch(`${url}/api/v1/jobs`)).json()).jobs
  return job === undefined ? undefined : jobDetailSchema.parse(await (await fetch(`${url}/api/v1/jobs/${job.id}`)).json())
}

/** Digest by settled unit, as acknowledged to whoever asks. */
async function settled(url: string, id: string): Promise<ReadonlyMap<number, string>> {
  const text = await (await fetch(`${url}/api/v1/jobs/${id}/results?format=ndjson`)).text()
  const rows = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => resultRowSchema.parse(JSON.parse(line)))
  return new Map(rows.map(({ unit, digest }) => [unit, digest]))
}

it('the sample job completes with the right answer although the process is killed three times, and no settled unit is lost', async () => {
  let server = await start(0)
  const { port, root } = server
  const ids = new Set<string>()
  for (const share of KILLS) {
    const job = await until(
      `${share * 100} % of the job`,
      async () => {
        const seen = await sampleJob(server.url)
        return seen !== undefined && seen.units.validated >= share * seen.unitCount ? seen : null
      },
      60_000
    )
    ids.add(job.id)
    expect(job.state).toBe('running')
    const before = await settled(server.url, job.id)
    expect(before.size).toBeGreaterThanOrEqual(share * job.unitCount)
    await server.process.end('SIGKILL')

    server = await start(port)
    expect(server.root).toBe(root)
    const after = await settled(server.url, job.id)
    expect([...before].filter(([unit, digest]) => after.get(unit) !== digest)).toEqual([])
  }
  const [line] = await server.process.line(/^\{"event":"answer".*\}$/m, 60_000)
  const { refined, closedForm } = answerSchema.parse(JSON.parse(line))
  expect(refined.trend).toBeCloseTo(closedForm.trend, 4)
  expect(refined.curvature).toBeCloseTo(closedForm.curvature, 5)
  expect(Math.hypot(refined.cosine, refined.sine)).toBeCloseTo(Math.hypot(closedForm.cosine, closedForm.sine), 3)
  expect(refined.misfit).toBeCloseTo(closedForm.misfit, 0)

  const job = await sampleJob(server.url)
  expect(job).toMatchObject({ state: 'completed', failures: [] })
  expect(ids).toEqual(new Set([job?.id]))
  expect((await settled(server.url, job?.id ?? '')).size).toBe(job?.unitCount)
  expect(await server.process.end('SIGINT')).toBe(0)
}, 180_000)

it('a coordinator that is told to stop ends, although its volunteers are at work and come back while it closes', async () => {
  const server = await startServer()
  const volunteers = await Promise.all(['first', 'second'].map((name) => startVolunteer(server.url, { name })))
  try {
    const { id } = await publish(server.url, await queensJob(16))
    await until('work in hand', () =>
      volunteers.every((volunteer) => volunteer.snapshot().executors.some(({ busyUnits }) => busyUnits > 0))
    )
    expect((await server.job(id)).state).toBe('running')
    expect(await server.process.end('SIGTERM')).toBe(0)
  } finally {
    await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
    await server.stop()
  }
})
