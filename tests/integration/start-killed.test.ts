/** `npm start`, killed without warning again and again while its job runs: it ends with the right answer, and nothing settled is lost. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jobDetailSchema, jobPageSchema, rootIdSchema, type JobDetail } from '@peercompute/job-specs'
import { afterAll, expect, it } from 'vitest'
import { z } from 'zod'
import { checkHistory } from '../harness/faults/check-history.ts'
import { gatherEvidence } from '../harness/faults/evidence.ts'
import { createHistory, readHistory } from '../harness/faults/history.ts'
import { createSubmitter } from '../harness/faults/submitter.ts'
import { startCli, until, type RunningProcess } from '../harness/index.ts'
import { lastingPort } from '../harness/lasting-port.ts'

const KILLS = 10
/** Of the job, at the last kill: it goes on between a look and a kill, and all ten must come before its end. */
const LAST_KILL = 0.5
const folder = mkdtempSync(join(tmpdir(), 'peercompute-start-'))
const modelSchema = z.object({ trend: z.number(), curvature: z.number(), cosine: z.number(), sine: z.number(), misfit: z.number() })
const answerSchema = z.object({ event: z.literal('answer'), refined: modelSchema, closedForm: modelSchema })
const servingSchema = z.object({ event: z.literal('serving'), url: z.string(), port: z.int(), root: rootIdSchema })

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

async function get(url: string, path: string): Promise<unknown> {
  const answer = await fetch(`${url}${path}`)
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`)
  return answer.json()
}

async function sampleJob(url: string): Promise<JobDetail | undefined> {
  const [job] = jobPageSchema.parse(await get(url, '/api/v1/jobs')).jobs
  return job === undefined ? undefined : jobDetailSchema.parse(await get(url, `/api/v1/jobs/${job.id}`))
}

it(`is killed ${KILLS} times, and its job completes with the right answer`, async () => {
  const history = createHistory(join(folder, 'history.ndjson'))
  let server = await start(await lastingPort())
  const { port, root } = server
  const reader = await createSubmitter(server.url, history)
  const ids = new Set<string>()
  for (let kill = 1; kill <= KILLS; kill++) {
    const share = (LAST_KILL * kill) / KILLS
    const job = await until(
      `${Math.round(share * 100)} % of the job`,
      async () => {
        const seen = await sampleJob(server.url)
        return seen !== undefined && seen.units.validated >= share * seen.unitCount ? seen : null
      },
      60_000
    )
    ids.add(job.id)
    expect(job.state).toBe('running')
    // What somebody has been told stays: the checker looks for it at the end.
    await reader.read(job.id, Math.floor((job.unitCount * (kill - 1)) / KILLS))
    await server.process.end('SIGKILL')
    server = await start(port)
    expect(server.root).toBe(root)
  }
  const [line] = await server.process.line(/^\{"event":"answer".*\}$/m, 60_000)
  const { refined, closedForm } = answerSchema.parse(JSON.parse(line))
  expect(refined.trend).toBeCloseTo(closedForm.trend, 4)
  expect(refined.curvature).toBeCloseTo(closedForm.curvature, 5)
  expect(Math.hypot(refined.cosine, refined.sine)).toBeCloseTo(Math.hypot(closedForm.cosine, closedForm.sine), 3)
  expect(refined.misfit).toBeCloseTo(closedForm.misfit, 0)

  const { url } = server
  const judged = {
    url,
    root,
    dataDir: folder,
    get: (path: string) => get(url, path),
    job: async (id: string) => jobDetailSchema.parse(await get(url, `/api/v1/jobs/${id}`))
  }
  const verdict = async () => checkHistory(readHistory(history.file), await gatherEvidence(judged))
  // The ledger follows the store within a second or two.
  await until('a ledger that tells everything', async () => (await verdict()).length === 0, 15_000).catch(() => undefined)
  expect(await verdict()).toEqual([])
  const job = await sampleJob(url)
  expect(job).toMatchObject({ state: 'completed', failures: [] })
  expect(job?.units.validated).toBe(job?.unitCount)
  expect(ids).toEqual(new Set([job?.id]))
  expect(await server.process.end('SIGINT')).toBe(0)
}, 180_000)
