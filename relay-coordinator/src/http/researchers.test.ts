import { generateKeyPair, signSpec, type JobDetail, type JobId, type KeyPair, type SubmitAnswer } from '@peercompute/job-specs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

let test: TestApp
let author: KeyPair
beforeEach(async () => {
  test = await createTestApp({}, () => true, 'ask')
  author = await generateKeyPair({ extractable: true })
})
afterEach(() => test[Symbol.asyncDispose]())

const post = (path: string, payload?: object) =>
  test.app.inject({ method: 'POST', url: `/api/v1${path}`, ...(payload === undefined ? {} : { payload }) })
const submit = async (revision = 1) => post('/jobs', await signSpec(author, { ...smallSpec({ revision }), researcher: 'Ada' }))
const job = async (id: JobId) => (await test.app.inject({ url: `/api/v1/jobs/${id}` })).json<JobDetail>()

describe('where the operator is asked', () => {
  it('the jobs of an unknown author wait, say so, are not admitted, and begin with the approval', async () => {
    const admitted: JobId[] = []
    test.coordinator.onSettlement((settlement) => {
      if (settlement.kind === 'admitted') admitted.push(settlement.job)
    })
    const first = (await submit()).json<SubmitAnswer>()
    expect(first).toMatchObject({ state: 'queued', created: true })
    await submit(2)
    expect(await job(first.id)).toMatchObject({ state: 'queued', held: true, why: { code: 'awaiting_approval' } })
    expect(admitted).toEqual([])
    const { researchers } = (await test.app.inject({ url: '/api/v1/researchers' })).json<{ researchers: object[] }>()
    expect(researchers).toMatchObject([{ author: author.publicKey, status: 'waiting', name: 'Ada', decidedAt: null }])

    const decision = (await post(`/researchers/${author.publicKey}/approve`)).json<{ jobs: JobId[] }>()
    expect(decision.jobs).toHaveLength(2)
    expect(admitted).toEqual(decision.jobs)
    expect(await job(first.id)).toMatchObject({ state: 'running' })
    expect(await job(first.id)).not.toHaveProperty('held')
    expect((await submit(3)).json()).toMatchObject({ state: 'running' })
  })

  it('the jobs of a refused author are cancelled, and later ones refused', async () => {
    const { id } = (await submit()).json<SubmitAnswer>()
    expect((await post(`/researchers/${author.publicKey}/refuse`)).json()).toMatchObject({ researcher: { status: 'refused' }, jobs: [id] })
    expect(await job(id)).toMatchObject({ state: 'cancelled', why: { code: 'researcher_refused' } })
    const later = await submit(2)
    expect([later.statusCode, later.json()]).toMatchObject([403, { code: 'RESEARCHER_REFUSED' }])
  })

  it('who was approved before asking need not wait, and a custodial job never does', async () => {
    await post(`/researchers/${author.publicKey}/approve`)
    expect((await submit()).json()).toMatchObject({ state: 'running' })
    expect((await post('/jobs', { spec: smallSpec() })).json()).toMatchObject({ state: 'running', custodial: true })
  })

  it('nobody without admin decides', async () => {
    const { token } = test.operator.tokens.create({ label: '', scopes: ['publish', 'read'] }, 'a test')
    for (const path of [`/researchers/${author.publicKey}/approve`, `/researchers/${author.publicKey}/refuse`, '/revocations']) {
      const payload = path === '/revocations' ? { key: author.publicKey, reason: 'x' } : undefined
      const answer = await test.app.inject({
        method: 'POST',
        url: `/api/v1${path}`,
        headers: { authorization: `Bearer ${token}` },
        ...(payload === undefined ? {} : { payload })
      })
      expect(answer.json()).toMatchObject({ code: 'TOKEN_SCOPE' })
    }
    expect(test.operator.researchers.list()).toEqual([])
  })
})

describe('a revocation', () => {
  it('cancels the job, names the reason, and cannot be taken back by publishing again', async () => {
    await post(`/researchers/${author.publicKey}/approve`)
    const { id } = (await submit()).json<SubmitAnswer>()
    const answer = await post('/revocations', { job: id, reason: 'mines coins' })
    expect(answer.json()).toMatchObject({ revocation: { kind: 'job', subject: id }, jobs: [id], announced: true })
    expect(await job(id)).toMatchObject({ state: 'cancelled', why: { code: 'revoked' } })
    const again = await submit()
    expect([again.statusCode, again.json()]).toMatchObject([
      403,
      { code: 'REVOKED', detail: expect.stringContaining('mines coins') as string }
    ])
    expect((await submit(2)).json()).toMatchObject({ state: 'running' })
  })

  it("of a coordinator's own key is refused: it is rotated", async () => {
    for (const key of [test.keys.custodial.publicKey, test.keys.operational.publicKey, test.keys.certificate.root])
      expect((await post('/revocations', { key, reason: 'x' })).json()).toMatchObject({ code: 'REQUEST_INVALID' })
    expect((await post('/revocations', { job: 'x', reason: 'x' })).statusCode).toBe(400)
    expect((await post('/revocations', { key: author.publicKey, reason: '' })).statusCode).toBe(400)
  })
})
