import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DEFAULT_RATE_LIMITS } from './http/limits.ts'
import { connectedHost, keyNamed } from './testing/fixtures.ts'
import { createTestApp, type TestApp } from './testing/test-app.ts'

const ELSEWHERE = { remoteAddress: '203.0.113.9' }
let parts: TestApp

beforeEach(async () => {
  parts = await createTestApp()
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
})

describe('the machine-readable side', () => {
  it('answers probes, version and who it is', async () => {
    expect((await parts.app.inject('/healthz')).json()).toEqual({ status: 'ok' })
    expect((await parts.app.inject('/readyz')).json()).toEqual({ status: 'ok' })
    expect((await parts.app.inject('/version')).json()).toEqual({ version: '0.1.0' })
    expect((await parts.app.inject('/api/v1/coordinator')).json()).toMatchObject({
      root: parts.keys.certificate.root,
      certificate: parts.keys.certificate,
      peerId: 'peer',
      addresses: ['/ip4/127.0.0.1/tcp/1/ws/p2p/peer'],
      protocols: ['/peercompute/work/1', '/peercompute/ledger/1'],
      hosts: 0,
      jobs: 0,
      validatedUnits: 0
    })
  })

  it('says that it is not ready while it is not', async () => {
    await using starting = await createTestApp({ ready: () => false })
    const response = await starting.app.inject('/readyz')
    expect([response.statusCode, response.json<{ code: string }>().code]).toEqual([503, 'COORDINATOR_UNREACHABLE'])
  })

  it('keeps its metrics from strangers', async () => {
    expect((await parts.app.inject({ url: '/metrics', remoteAddress: '203.0.113.9' })).json()).toMatchObject({ code: 'TOKEN_REQUIRED' })
    const allowed = await parts.app.inject({
      url: '/metrics',
      remoteAddress: '203.0.113.9',
      headers: { authorization: `Bearer ${parts.token}` }
    })
    expect(allowed.body).toContain('# TYPE peercompute_jobs_admitted_total counter')
  })

  it('lists hosts and says why one is idle', async () => {
    await parts.coordinator.hostConnected(connectedHost('a'))
    expect((await parts.app.inject('/api/v1/hosts')).json()).toMatchObject({ hosts: [{ label: 'a', connected: true }] })
    expect((await parts.app.inject(`/api/v1/hosts/${keyNamed('a')}/why`)).json()).toMatchObject({ code: 'no_work_available' })
    expect((await parts.app.inject(`/api/v1/hosts/${keyNamed('b')}/why`)).json()).toMatchObject({ code: 'NOT_FOUND', status: 404 })
  })

  it('describes every route of the API in OpenAPI 3.1', async () => {
    const document = (await parts.app.inject('/api/openapi.json')).json<{
      openapi: string
      paths: Record<string, Record<string, { summary?: string; responses: Record<string, unknown> }>>
    }>()
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.paths).sort()).toEqual([
      '/api/v1/accounts/{id}/credit',
      '/api/v1/audit',
      '/api/v1/blobs/{sha256}',
      '/api/v1/coordinator',
      '/api/v1/credit/export',
      '/api/v1/events',
      '/api/v1/hosts',
      '/api/v1/hosts/{id}/pardon',
      '/api/v1/hosts/{id}/reputation',
      '/api/v1/hosts/{id}/why',
      '/api/v1/jobs',
      '/api/v1/jobs/{id}',
      '/api/v1/jobs/{id}/cancel',
      '/api/v1/jobs/{id}/download',
      '/api/v1/jobs/{id}/pause',
      '/api/v1/jobs/{id}/receipt',
      '/api/v1/jobs/{id}/reduced',
      '/api/v1/jobs/{id}/results',
      '/api/v1/jobs/{id}/resume',
      '/api/v1/jobs/{id}/spec',
      '/api/v1/jobs/{id}/trust',
      '/api/v1/jobs/{id}/units/{unit}',
      '/api/v1/jobs/{id}/units/{unit}/receipt',
      '/api/v1/jobs/{id}/values',
      '/api/v1/jobs/{id}/why',
      '/api/v1/leaderboard',
      '/api/v1/researchers',
      '/api/v1/researchers/{key}/approve',
      '/api/v1/researchers/{key}/refuse',
      '/api/v1/revocations',
      '/api/v1/teams/membership',
      '/api/v1/tokens',
      '/api/v1/tokens/{id}',
      '/api/v1/work',
      '/healthz',
      '/metrics',
      '/readyz',
      '/version'
    ])
    for (const [path, methods] of Object.entries(document.paths))
      for (const [method, route] of Object.entries(methods)) expect(route.summary, `${method} ${path}`).toBeTruthy()
    expect(document.paths['/api/v1/jobs']?.['post']?.responses).toMatchObject({
      201: {},
      '4XX': { content: { 'application/problem+json': {} } }
    })
  })
})

describe('refusals', () => {
  it('are problem details with a code, for addresses that do not exist too', async () => {
    for (const url of ['/api/v1/nothing', '/nothing.html', '/..%2f..%2fetc/passwd']) {
      const response = await parts.app.inject(url)
      expect(response.headers['content-type']).toContain('application/problem+json')
      expect(response.json()).toMatchObject({ code: 'NOT_FOUND', status: 404, type: 'urn:peercompute:error:NOT_FOUND' })
      expect(response.json<{ remedy: string }>().remedy).toBeTruthy()
    }
  })

  it('come with a time to wait when one address asks too much, and scanning is counted by itself', async () => {
    await using limited = await createTestApp({ rateLimits: { ...DEFAULT_RATE_LIMITS, all: 3, notFound: 2 } })
    const codes = async (url: string, times: number) => {
      const seen: number[] = []
      for (let n = 0; n < times; n++) seen.push((await limited.app.inject({ url, ...ELSEWHERE })).statusCode)
      return seen
    }
    expect(await codes('/version', 4)).toEqual([200, 200, 200, 429])
    const refused = await limited.app.inject({ url: '/version', ...ELSEWHERE })
    expect(refused.json()).toMatchObject({ code: 'RATE_LIMITED', status: 429 })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await codes('/nothing', 3)).at(-1)).toBe(429)
    for (let n = 0; n < 5; n++) expect((await limited.app.inject('/version')).statusCode).toBe(200)
  })

  it('say nothing about an error inside', async () => {
    Object.assign(parts.coordinator, {
      reputedHosts: () => {
        throw new Error('secret path')
      }
    })
    const response = await parts.app.inject('/api/v1/hosts')
    expect(response.json()).toMatchObject({ code: 'INTERNAL', status: 500 })
    expect(response.body).not.toContain('secret')
    expect(parts.faults).toMatchObject([{ message: 'secret path' }])
  })

  it('take the client address from a trusted proxy only', async () => {
    await using behind = await createTestApp({
      trustProxy: ['127.0.0.1'],
      publicUrl: 'https://lab.example',
      rateLimits: { ...DEFAULT_RATE_LIMITS, all: 1 }
    })
    const from = (address: string) => behind.app.inject({ url: '/version', headers: { 'x-forwarded-for': address } })
    expect([
      (await from('198.51.100.1')).statusCode,
      (await from('198.51.100.2')).statusCode,
      (await from('198.51.100.1')).statusCode
    ]).toEqual([200, 200, 429])
  })
})

describe('pages', () => {
  const script = "document.documentElement.dataset.theme = 'dark'"

  async function withDashboard(): Promise<TestApp> {
    const dashboardDir = join(parts.folder, 'dist')
    await mkdir(join(dashboardDir, 'assets'), { recursive: true })
    await writeFile(
      join(dashboardDir, 'index.html'),
      `<!doctype html><script>${script}</script><script type="module" src="/assets/app-1a.js"></script>`
    )
    await writeFile(join(dashboardDir, 'assets', 'app-1a.js'), 'export {}')
    return createTestApp({
      dashboardDir,
      sandboxPage: () =>
        Promise.resolve({
          html: '<p>sandbox</p>',
          headers: { 'Content-Security-Policy': "default-src 'none'; sandbox allow-scripts", 'Permissions-Policy': 'camera=()' }
        })
    })
  }

  it('serve the dashboard under a policy that names the sandbox frame and the inline script exactly', async () => {
    await using web = await withDashboard()
    const page = await web.app.inject({ url: '/', headers: { host: 'localhost:8787' } })
    expect(page.headers['content-type']).toContain('text/html')
    expect(page.headers['cache-control']).toBe('no-cache')
    const csp = String(page.headers['content-security-policy'])
    expect(csp).toContain('frame-src localhost:8787/sandbox.html;')
    expect(csp).toContain(`script-src 'self' 'sha256-${createHash('sha256').update(script).digest('base64')}';`)
    expect(csp).toContain("connect-src 'self' ws: wss:;")
    expect(csp).not.toContain('unsafe-eval')
    expect(page.headers['x-content-type-options']).toBe('nosniff')
    const asset = await web.app.inject('/assets/app-1a.js')
    expect(asset.headers['cache-control']).toContain('immutable')
    expect((await web.app.inject('/assets/..%2f..%2fadmin-token.sha256')).statusCode).toBe(404)
  })

  it("serve the sandbox with its own headers instead of the page's", async () => {
    await using web = await withDashboard()
    const { headers, body } = await web.app.inject('/sandbox.html')
    expect(body).toBe('<p>sandbox</p>')
    expect(headers['content-security-policy']).toBe("default-src 'none'; sandbox allow-scripts")
    expect(headers['permissions-policy']).toBe('camera=()')
  })

  it('put no host into the policy that is none, and name the public one', async () => {
    await using web = await createTestApp({ publicUrl: 'https://lab.example' })
    const { headers } = await web.app.inject({ url: '/', headers: { host: 'x;script-src *' } })
    expect(headers['content-security-policy']).toContain('frame-src https://lab.example/sandbox.html;')
    expect(headers['content-security-policy']).not.toContain('script-src *')
    expect(headers['strict-transport-security']).toBeTruthy()
  })

  it('say so when the dashboard is not built', async () => {
    expect((await parts.app.inject('/')).json()).toMatchObject({
      code: 'NOT_FOUND',
      detail: 'the dashboard is not built; the API is at /api/v1'
    })
  })
})
