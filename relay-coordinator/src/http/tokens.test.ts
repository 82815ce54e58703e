import { generateKeyPair, signJobCommand, signSpec, tokenScopes, type JobId, type TokenScope } from '@peercompute/job-specs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccessStore } from '../access/access-store.ts'
import { createTokens } from '../access/tokens.ts'
import { memoryAccessStore } from '../access/sqlite-access-store.ts'
import { smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

const MINUTE_MS = 60_000
let test: TestApp
beforeEach(async () => {
  // With a public address nothing is local, so that everything depends on the token.
  test = await createTestApp({ publicUrl: 'https://compute.example.org' }, () => true)
})
afterEach(() => test[Symbol.asyncDispose]())

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const call = (method: 'GET' | 'POST' | 'DELETE', path: string, token: string, payload?: object) =>
  test.app.inject({ method, url: `/api/v1${path}`, headers: bearer(token), ...(payload === undefined ? {} : { payload }) })

async function token(scopes: readonly TokenScope[], more: object = {}): Promise<{ token: string; id: string }> {
  const made = await call('POST', '/tokens', test.token, { scopes, ...more })
  expect(made.statusCode).toBe(201)
  return made.json<{ token: string; id: string }>()
}

describe('a token', () => {
  it('is 32 random bytes, shown once, and kept as its hash', async () => {
    const made = await token(['publish'], { label: 'Ada' })
    expect(made.token).toMatch(/^pc_[A-Za-z0-9_-]{43}$/)
    const listed = await call('GET', '/tokens', test.token)
    expect(listed.json()).toMatchObject({ tokens: [{ id: made.id, label: 'Ada', scopes: ['publish'], revokedAt: null, lastUsedAt: null }] })
    expect(listed.body).not.toContain(made.token)
    expect(listed.body).not.toContain('sha256')
  })

  it.each<[TokenScope, readonly [number, number, number]]>([
    ['publish', [201, 403, 403]],
    ['read', [403, 200, 403]],
    ['admin', [201, 200, 200]]
  ])('with the scope "%s" may publish, read metrics and list tokens: %j', async (scope, statuses) => {
    const { token: given } = await token([scope])
    const answers = [
      await call('POST', '/jobs', given, { spec: smallSpec() }),
      await test.app.inject({ url: '/metrics', headers: bearer(given) }),
      await call('GET', '/tokens', given)
    ]
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(statuses)
    for (const answer of answers.filter(({ statusCode }) => statusCode === 403))
      expect(answer.json()).toMatchObject({ code: 'TOKEN_SCOPE', detail: expect.stringContaining(scope) as string })
  })

  it('that is unknown, revoked, expired or malformed is refused, each in a sentence of its own', async () => {
    const [revoked, expired] = [await token(['admin']), await token(['admin'], { expiresIn: 60 })]
    await call('DELETE', `/tokens/${revoked.id}`, test.token)
    test.clock.advance(MINUTE_MS)
    const details = new Set<string>()
    for (const given of [revoked.token, expired.token, `pc_${'A'.repeat(43)}`, '']) {
      const answer = await call('GET', '/tokens', given)
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([403, 'TOKEN_INVALID'])
      details.add(answer.json<{ detail: string }>().detail)
    }
    expect([...details]).toEqual([
      expect.stringContaining('was revoked at'),
      expect.stringContaining('expired at'),
      expect.stringContaining('given out'),
      expect.stringContaining('Bearer TOKEN')
    ])
    expect((await test.app.inject({ url: '/api/v1/tokens' })).json()).toMatchObject({ code: 'TOKEN_REQUIRED' })
  })

  it('is noted as used once a minute at most, and survives a restart with all that is known of it', () => {
    const store = memoryAccessStore()
    let writes = 0
    const counted: AccessStore = {
      ...store,
      tokenUsed(id, at) {
        writes++
        store.tokenUsed(id, at)
      }
    }
    const init = { store: counted, adminToken: { accepts: () => false }, now: () => test.clock.now() }
    const before = createTokens(init)
    const { token: given, id } = before.create({ label: '', scopes: ['read'] }, 'a test')
    for (let use = 0; use < 10; use++) before.holder(given)
    test.clock.advance(MINUTE_MS)
    before.holder(given)
    expect(writes).toBe(2)
    const after = createTokens(init)
    expect(after.list()).toEqual(before.list())
    expect(after.holder(given)).toEqual({ id, scopes: new Set(['read']) })
    after.revoke(id, 'a test')
    expect(() => createTokens(init).holder(given)).toThrow(/revoked/)
  })

  it('has a limit of its own, however many addresses it comes from', async () => {
    const limited = await createTestApp({
      trustProxy: ['127.0.0.1'],
      rateLimits: { all: 5, publish: 5, upload: 5, work: 5, ledger: 5, receipts: 240, notFound: 5 }
    })
    const { token: given } = limited.operator.tokens.create({ label: '', scopes: [...tokenScopes] }, 'a test')
    const statuses: number[] = []
    for (let n = 0; n < 7; n++)
      statuses.push(
        (await limited.app.inject({ url: '/api/v1/tokens', headers: { ...bearer(given), 'x-forwarded-for': `198.51.100.${n}` } }))
          .statusCode
      )
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429])
    await limited[Symbol.asyncDispose]()
  })
})

describe('a job that was published with a token', () => {
  it('is steered by that token and by admin, not by another token', async () => {
    const [mine, other] = [await token(['publish']), await token(['publish'])]
    const { id } = (await call('POST', '/jobs', mine.token, { spec: smallSpec() })).json<{ id: JobId }>()
    // Publishing the same job again does not make it one's own.
    expect((await call('POST', '/jobs', other.token, { spec: smallSpec() })).json()).toMatchObject({ id, created: false })
    const refused = await call('POST', `/jobs/${id}/cancel`, other.token)
    expect([refused.statusCode, refused.json()]).toMatchObject([403, { code: 'TOKEN_SCOPE' }])
    expect((await call('POST', `/jobs/${id}/pause`, mine.token)).json()).toMatchObject({ state: 'paused' })
    expect((await call('POST', `/jobs/${id}/resume`, mine.token)).statusCode).toBe(200)
    expect((await call('POST', `/jobs/${id}/cancel`, test.token)).json()).toMatchObject({ state: 'cancelled' })
  })

  it('differs from a signed one, which no token without admin steers', async () => {
    const { token: given } = await token(['publish'])
    const author = await generateKeyPair({ extractable: true })
    const signed = await signSpec(author, smallSpec())
    const { id } = (await test.app.inject({ method: 'POST', url: '/api/v1/jobs', payload: signed })).json<{ id: JobId }>()
    expect((await call('POST', `/jobs/${id}/cancel`, given)).json()).toMatchObject({ code: 'TOKEN_SCOPE' })
    const command = await signJobCommand(author, id, 'pause', test.clock.now())
    const send = () => test.app.inject({ method: 'POST', url: `/api/v1/jobs/${id}/pause`, payload: command })
    expect((await send()).statusCode).toBe(200)
    expect((await send()).json()).toMatchObject({ code: 'REQUEST_INVALID' })
  })
})

it('everything that the operator does is in the audit log, in order and page by page', async () => {
  const made = await token(['read'])
  await call('DELETE', `/tokens/${made.id}`, test.token)
  const author = await generateKeyPair({ extractable: true })
  await call('POST', `/researchers/${author.publicKey}/approve`, test.token)
  await call('POST', '/revocations', test.token, { key: author.publicKey, reason: 'stolen' })
  const first = (await call('GET', '/audit?limit=3', test.token)).json<{ entries: { kind: string; body: object }[]; next: number }>()
  const second = (await call('GET', `/audit?from=${first.next}`, test.token)).json<typeof first>()
  expect([...first.entries, ...second.entries].map(({ kind }) => kind)).toEqual([
    'token-created',
    'token-revoked',
    'researcher-approved',
    'revoked'
  ])
  expect(second).toMatchObject({ next: null, entries: [{ body: { kind: 'key', subject: author.publicKey, by: 'the admin token' } }] })
  expect((await call('GET', '/audit', made.token)).statusCode).toBe(403)
})
