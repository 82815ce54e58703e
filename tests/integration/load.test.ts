/** The load generator against a real coordinator: what it promises to be has to be true before its figures mean anything. */
import {
  coordinatorInfoSchema,
  generateKeyPair,
  hostViewSchema,
  jobDetailSchema,
  resultRowSchema,
  signSpec,
  submitAnswerSchema,
  type JobDetail,
  type JobId
} from '@peercompute/job-specs'
import { specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startServer, testSeed, until, type TestServer } from '../harness/index.ts'
import { AT_ONCE, startGenerators, type Generators, type GeneratorsOptions, type LinkKind } from '../load/index.ts'

const UNITS = 200
const JOIN_MS = 30_000

let server: TestServer
let coordinator: GeneratorsOptions['coordinator']
let revision = 0
const seed = testSeed('load generator')
const running: Generators[] = []

beforeAll(async () => {
  server = await startServer()
  const { peerId, root } = coordinatorInfoSchema.parse(await server.get('/api/v1/coordinator'))
  coordinator = { port: server.port, peerId, root }
})
afterAll(async () => {
  await Promise.all(running.map((generators) => generators.stop()))
  await server.stop()
})

/** Each opinion from another subnet: from one address, no unit would ever settle. */
async function submit(): Promise<JobId> {
  const { manifest, programs } = await loadKernel('n-queens')
  const spec = specFor(manifest, { revision: ++revision, verification: { quorum: 2, independence: 'subnet' } }, programs)
  const signed = await signSpec(await generateKeyPair({ extractable: true }), { ...spec, unitCount: UNITS })
  const answer = await fetch(`${server.url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signed)
  })
  return submitAnswerSchema.parse(await answer.json()).id
}

async function completed(job: JobId): Promise<JobDetail> {
  return until('the end of the job', async () => {
    const detail = jobDetailSchema.parse(await server.get(`/api/v1/jobs/${job}`))
    return detail.state === 'completed' ? detail : null
  })
}

async function come(options: Partial<GeneratorsOptions> & { readonly count: number }): Promise<Generators> {
  const generators = await startGenerators({ coordinator, seed, processes: 1, ...options })
  running.push(generators)
  await generators.connected(JOIN_MS)
  return generators
}

test.each<[LinkKind, number]>([
  ['work-stream', 0],
  ['full-peer', 10],
  ['http', 20]
])('volunteers over %s settle a job whose opinions must come from different subnets', async (link, first) => {
  // before they come: whoever finds nothing asks again after some seconds, and over HTTP nobody can be told sooner
  const job = await submit()
  const generators = await come({ link, first, count: 3 })
  await completed(job)
  await until('the last acknowledgement', async () => (await generators.tally()).answers['accepted'] === 2 * UNITS)
  const { answers, failures } = await generators.tally()
  expect({ answers, failures }).toEqual({ answers: { accepted: 2 * UNITS }, failures: {} })
  await generators.stop()

  const { rows } = z
    .object({ rows: z.array(resultRowSchema) })
    .parse(await server.get(`/api/v1/jobs/${job}/results?format=json&limit=${UNITS}`))
  expect(rows.map(({ unit }) => unit)).toEqual(Array.from({ length: UNITS }, (_, unit) => unit))
  expect(rows.every(({ votes }) => new Set(votes.map(({ host }) => host)).size === 2)).toBe(true)
})

test('liars are outvoted, and volunteers that come and go over a slow line lose nothing', async () => {
  const restless = { ...AT_ONCE, unitMs: 5, meanLifeMs: 1_500, meanAwayMs: 100 }
  const [honest] = await Promise.all([
    come({ first: 30, count: 5, pattern: restless, line: { delayMs: 5, jitterMs: 5 } }),
    come({ first: 40, count: 1, wrong: 1 })
  ])
  const job = await submit()
  expect((await completed(job)).units.validated).toBe(UNITS)
  await until('somebody to have come again', async () => (await honest.tally()).joins > honest.count)
  const { hosts } = z.object({ hosts: z.array(hostViewSchema) }).parse(await server.get('/api/v1/hosts'))
  expect(hosts.filter(({ rejected }) => rejected > 0)).toMatchObject([{ validated: 0 }])
})
