import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateKeyPair, jobIdOf, signJobCommand, signSpec, type KeyPair, type SignedSpec } from '@peercompute/job-specs'
import { decodeFrames, FRAME_MEDIA_TYPE } from '@peercompute/job-specs/protocol'
import { smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { createTestHost } from '../testing/test-host.ts'

const ELSEWHERE = { remoteAddress: '203.0.113.9' }
const MISSING = '/api/v1/jobs/'.concat('0'.repeat(64))
let parts: TestApp
let author: KeyPair

beforeEach(async () => {
  parts = await createTestApp({}, () => true)
  author = await generateKeyPair({ extractable: true })
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
})

const post = (url: string, payload?: object, options: { headers?: Record<string, string>; remoteAddress?: string } = {}) =>
  parts.app.inject({ method: 'POST', url, ...(payload === undefined ? {} : { payload }), ...options })
const get = (url: string) => parts.app.inject({ method: 'GET', url })

async function publish(signed?: SignedSpec): Promise<string> {
  const response = await post('/api/v1/jobs', signed ?? (await signSpec(author, smallSpec())))
  expect(response.statusCode).toBe(201)
  return response.json<{ id: string }>().id
}

/** Two hosts agree on every unit: its value is its number. */
async function compute(id: string): Promise<void> {
  for (let n = 0; n < 2; n++) {
    const host = await createTestHost()
    const { account, host: key, label } = host.certificate
    await parts.coordinator.hostConnected({
      host: key,
      account,
      label,
      description: host.description,
      certificate: host.certificate,
      subnet: `192.0.${n}.0/24`
    })
    const { leases } = await parts.coordinator.ask(key, { executor: 'js', units: 16, seconds: 0 })
    for (const lease of leases) {
      const { report, values } = await host.report(lease)
      await parts.coordinator.report(report, values)
    }
  }
  expect((await get(`/api/v1/jobs/${id}`)).json()).toMatchObject({ state: 'completed' })
}

describe('publishing', () => {
  it('takes a signed job from anywhere, and answers the same job with the same id', async () => {
    const signed = await signSpec(author, smallSpec())
    const first = await post('/api/v1/jobs', signed, ELSEWHERE)
    expect(first.statusCode).toBe(201)
    expect(first.headers.location).toBe(`/api/v1/jobs/${jobIdOf(author.publicKey, signed.spec)}`)
    expect(first.json()).toMatchObject({ id: jobIdOf(author.publicKey, signed.spec), created: true, custodial: false, state: 'running' })
    const again = await post('/api/v1/jobs', signed)
    expect(again.statusCode).toBe(200)
    expect(again.json()).toMatchObject({ id: first.json<{ id: string }>().id, created: false })
  })

  it('signs for the holder of the token with the custodial key', async () => {
    const { statusCode, ...response } = await post(
      '/api/v1/jobs',
      { spec: smallSpec() },
      { ...ELSEWHERE, headers: { authorization: `Bearer ${parts.token}` } }
    )
    expect(statusCode).toBe(201)
    expect(response.json()).toMatchObject({ id: jobIdOf(parts.keys.custodial.publicKey, smallSpec()), custodial: true })
  })

  it('needs no token on this machine, and says so', async () => {
    expect((await post('/api/v1/jobs', { spec: smallSpec() })).statusCode).toBe(201)
    expect((await get('/api/v1/coordinator')).json()).toMatchObject({ tokenRequired: false, jobs: 1 })
    const outside = await parts.app.inject({ url: '/api/v1/coordinator', ...ELSEWHERE })
    expect(outside.json()).toMatchObject({ tokenRequired: true })
  })

  it.each([
    ['another machine', ELSEWHERE, 'TOKEN_REQUIRED'],
    ['a proxy on this machine', { headers: { 'x-forwarded-for': '203.0.113.9' } }, 'TOKEN_REQUIRED'],
    ['a page of another site in a browser here', { headers: { origin: 'https://evil.example' } }, 'TOKEN_REQUIRED'],
    [
      'a page under a name that was pointed to this machine',
      { headers: { host: 'evil.example', origin: 'http://evil.example' } },
      'TOKEN_REQUIRED'
    ],
    ['a wrong token', { headers: { authorization: 'Bearer pc_wrong' } }, 'TOKEN_INVALID'],
    ['something that is no bearer token', { headers: { authorization: 'Basic YTpi' } }, 'TOKEN_INVALID']
  ])('refuses an unsigned job of %s', async (_who, options, code) => {
    const response = await post('/api/v1/jobs', { spec: smallSpec() }, options)
    expect(response.json()).toMatchObject({ code })
    expect(response.headers['content-type']).toContain('application/problem+json')
  })

  it('needs the token everywhere once there is a public address', async () => {
    await using open = await createTestApp({ publicUrl: 'https://lab.example' })
    const response = await open.app.inject({ method: 'POST', url: '/api/v1/jobs', payload: { spec: smallSpec() } })
    expect(response.json()).toMatchObject({ code: 'TOKEN_REQUIRED', status: 401 })
  })

  it('refuses a changed specification', async () => {
    const signed = await signSpec(author, smallSpec())
    const response = await post('/api/v1/jobs', { ...signed, spec: { ...signed.spec, title: 'Another title' } })
    expect(response.json()).toMatchObject({ code: 'JOB_SIGNATURE_INVALID', status: 400 })
  })

  it.each([
    ['a wrong type', { unitCount: 'many' }, 'unitCount'],
    ['no units', { unitCount: 0 }, 'unitCount'],
    ['an unknown key', { colour: 'red' }, 'colour'],
    ['a quorum of nobody', { verification: { ...smallSpec().verification, quorum: 0 } }, 'verification.quorum'],
    ['a reducer of an output that is not there', { reduce: { kind: 'sum', output: 'other' } }, 'reduce.output'],
    ['an output over its declared size', { limits: { ...smallSpec().limits, outputBytes: 1 } }, 'outputs'],
    ['a missing field', { title: undefined }, 'title']
  ])('names the field when a job has %s', async (_what, change, path) => {
    const spec = { ...smallSpec(), ...change }
    for (const body of [{ spec }, { author: author.publicKey, sig: 'A'.repeat(86), spec }]) {
      const response = await post('/api/v1/jobs', body)
      expect(response.json()).toMatchObject({
        code: 'JOB_INVALID',
        status: 400,
        place: { path },
        type: 'urn:peercompute:error:JOB_INVALID'
      })
    }
  })

  it('refuses a body that is no JSON, none at all, and one that is too large', async () => {
    const json = { 'content-type': 'application/json' }
    expect((await parts.app.inject({ method: 'POST', url: '/api/v1/jobs', headers: json, payload: '{"spec":' })).json()).toMatchObject({
      code: 'REQUEST_INVALID'
    })
    expect(
      (await parts.app.inject({ method: 'POST', url: '/api/v1/jobs', headers: json, payload: '{"__proto__":{"a":1}}' })).json()
    ).toMatchObject({ code: 'REQUEST_INVALID' })
    expect((await post('/api/v1/jobs')).json()).toMatchObject({ code: 'JOB_INVALID' })
    expect((await post('/api/v1/jobs', { spec: { ...smallSpec(), description: 'x'.repeat(200_000) } })).json()).toMatchObject({
      code: 'JOB_TOO_LARGE',
      status: 413
    })
  })

  it('takes a thousand million units as readily as four', async () => {
    const id = await publish(await signSpec(author, smallSpec({ unitCount: 1_000_000_000 })))
    expect((await get(`/api/v1/jobs/${id}`)).json()).toMatchObject({ unitCount: 1_000_000_000, units: { waiting: 1_000_000_000 } })
  })
})

describe('reading', () => {
  it('lists jobs newest first, page by page', async () => {
    const ids: string[] = []
    for (const name of ['first', 'second', 'third']) ids.push(await publish(await signSpec(author, smallSpec({ name }))))
    const one = (await get('/api/v1/jobs?limit=2')).json<{ jobs: { id: string }[]; next: string }>()
    const two = (await get(`/api/v1/jobs?limit=2&cursor=${one.next}`)).json<{ jobs: { id: string }[]; next: string | null }>()
    expect([...one.jobs, ...two.jobs].map(({ id }) => id)).toEqual(ids.reverse())
    expect(two.next).toBeNull()
  })

  it('shows a job, its signed specification, and why it waits', async () => {
    const signed = await signSpec(author, smallSpec())
    const id = await publish(signed)
    expect((await get(`/api/v1/jobs/${id}`)).json()).toMatchObject({
      id,
      state: 'running',
      why: { code: 'no_volunteers' },
      spec: signed.spec
    })
    expect((await get(`/api/v1/jobs/${id}/spec`)).json()).toEqual(signed)
    expect((await get(`/api/v1/jobs/${id}/why`)).json()).toMatchObject({ code: 'no_volunteers' })
    expect((await get(`/api/v1/jobs/${id}/why?unit=2`)).json()).toMatchObject({ code: 'awaiting_first_lease' })
    expect((await get(`/api/v1/jobs/${id}/why?unit=99`)).json()).toMatchObject({ code: 'REQUEST_INVALID' })
  })

  it.each(['', '/spec', '/why', '/results', '/results?format=csv', '/values', '/reduced'])(
    'says that there is no such job at %s',
    async (rest) => {
      expect((await get(MISSING + rest)).json()).toMatchObject({ code: 'JOB_NOT_FOUND', status: 404 })
    }
  )

  it.each([
    '/api/v1/jobs/short',
    '/api/v1/jobs?limit=0',
    '/api/v1/jobs?limit=1e3',
    `${MISSING}/results?format=xml`,
    `${MISSING}/why?unit=-1`,
    '/api/v1/events?job=x'
  ])('refuses the address %s', async (url) => {
    expect((await get(url)).json()).toMatchObject({ code: 'REQUEST_INVALID', status: 400 })
  })
})

describe('results', () => {
  it('come as a page of JSON, as NDJSON, as CSV, as raw values and reduced', async () => {
    const id = await publish()
    await compute(id)
    const page = (await get(`/api/v1/jobs/${id}/results?from=1&limit=2`)).json<{ rows: { unit: number }[]; next: number }>()
    expect([page.rows.map(({ unit }) => unit), page.next]).toEqual([[1, 2], 3])

    const ndjson = await get(`/api/v1/jobs/${id}/results?format=ndjson`)
    expect(ndjson.headers['content-type']).toContain('application/x-ndjson')
    expect(
      ndjson.body
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { values: unknown }).values)
    ).toEqual([0, 1, 2, 3].map((count) => ({ count: [count] })))

    const csv = await get(`/api/v1/jobs/${id}/results?format=csv&from=2`)
    expect(csv.headers['content-disposition']).toBe(`attachment; filename="small-${id.slice(0, 8)}.csv"`)
    expect(csv.body.split('\r\n').map((line) => line.replace(/[0-9a-f]{64}/, 'HASH'))).toEqual([
      'unit,digest,count',
      '2,HASH,2',
      '3,HASH,3',
      ''
    ])

    const raw = await get(`/api/v1/jobs/${id}/values?start=1&count=2`)
    expect(raw.headers['content-type']).toBe(FRAME_MEDIA_TYPE)
    expect(decodeFrames(new Uint8Array(raw.rawPayload), 1_000).map(({ message, attachment }) => [message, [...attachment]])).toEqual([
      [{ unit: 1, bytes: 4 }, [1, 0, 0, 0]],
      [{ unit: 2, bytes: 4 }, [2, 0, 0, 0]]
    ])

    expect((await get(`/api/v1/jobs/${id}/reduced`)).json()).toMatchObject({
      reduced: { kind: 'sum', sum: '6' },
      state: 'completed',
      unitCount: 4
    })
    expect((await get('/api/v1/coordinator')).json()).toMatchObject({ validatedUnits: 4, hosts: 2 })
    expect((await get(`/api/v1/jobs/${id}/results?limit=5000`)).json()).toMatchObject({ code: 'REQUEST_INVALID', place: { path: 'limit' } })
  })

  it('stream page after page when there are many', async () => {
    const id = await publish(await signSpec(author, smallSpec({ unitCount: 1_200 })))
    while ((await get(`/api/v1/jobs/${id}`)).json<{ state: string }>().state !== 'completed') {
      for (const subnet of ['192.0.0.0/24', '192.0.1.0/24']) {
        const host = await createTestHost()
        const { account, host: key, label } = host.certificate
        await parts.coordinator.hostConnected({
          host: key,
          account,
          label,
          description: host.description,
          certificate: host.certificate,
          subnet
        })
        for (const lease of (await parts.coordinator.ask(key, { executor: 'js', units: 256, seconds: 0 })).leases) {
          const { report, values } = await host.report(lease)
          await parts.coordinator.report(report, values)
        }
      }
    }
    const { body } = await get(`/api/v1/jobs/${id}/results?format=csv&limit=1100`)
    expect(body.trim().split('\r\n')).toHaveLength(1 + 1_100)
  })
})

describe('steering', () => {
  it('takes the author at his signature from anywhere', async () => {
    const id = await publish()
    for (const [ts, action, state] of [
      [1, 'pause', 'paused'],
      [2, 'resume', 'running'],
      [3, 'cancel', 'cancelled']
    ] as const) {
      const response = await post(`/api/v1/jobs/${id}/${action}`, await signJobCommand(author, id, action, ts), ELSEWHERE)
      expect(response.json()).toMatchObject({ id, state })
    }
    expect((await post(`/api/v1/jobs/${id}/resume`)).json()).toMatchObject({ code: 'JOB_CLOSED', status: 409 })
  })

  it('takes the operator with the token, or on this machine', async () => {
    const id = await publish()
    expect((await post(`/api/v1/jobs/${id}/pause`)).json()).toMatchObject({ state: 'paused' })
    expect(
      (await post(`/api/v1/jobs/${id}/resume`, undefined, { ...ELSEWHERE, headers: { authorization: `Bearer ${parts.token}` } })).json()
    ).toMatchObject({ state: 'running' })
    expect((await post(`/api/v1/jobs/${id}/cancel`, undefined, ELSEWHERE)).json()).toMatchObject({ code: 'TOKEN_REQUIRED' })
  })

  it('refuses a command of somebody else, for another action, and one that was played before', async () => {
    const id = await publish()
    const stranger = await generateKeyPair({ extractable: true })
    expect((await post(`/api/v1/jobs/${id}/cancel`, await signJobCommand(stranger, id, 'cancel', 1))).json()).toMatchObject({
      code: 'JOB_SIGNATURE_INVALID'
    })
    expect((await post(`/api/v1/jobs/${id}/cancel`, await signJobCommand(author, id, 'pause', 1))).json()).toMatchObject({
      code: 'REQUEST_INVALID'
    })
    const pause = await signJobCommand(author, id, 'pause', 5)
    expect((await post(`/api/v1/jobs/${id}/pause`, pause)).json()).toMatchObject({ state: 'paused' })
    await post(`/api/v1/jobs/${id}/resume`)
    expect((await post(`/api/v1/jobs/${id}/pause`, pause)).json()).toMatchObject({ code: 'REQUEST_INVALID' })
    expect((await post(`/api/v1/jobs/${id}/pause`, { ...pause, ts: 6 })).json()).toMatchObject({ code: 'JOB_SIGNATURE_INVALID' })
    expect((await post(`${MISSING}/cancel`)).json()).toMatchObject({ code: 'JOB_NOT_FOUND' })
  })
})
