/** A public coordinator behind a proxy that ends TLS: what it announces, who may publish, and a volunteer that comes through. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { coordinatorInfoSchema, ERRORS } from '@peercompute/job-specs'
import { QUEENS_SOLUTIONS } from '@peercompute/kernels'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { runCli, startCli, startServer, until, type RunningProcess, type TestServer } from '../harness/index.ts'
import { postJob, queensJob } from './parts/publish.ts'
import { startTlsProxy, type TlsProxy } from './parts/tls-proxy.ts'

/** One volunteer suffices: its two programs count as two opinions. */
const JOB = 'peercompute: 1\nname: behind-tls\nkernel: n-queens\nparams: { n: 8 }\nverification: { quorum: 2, independence: executor }\n'
const trustedBefore = getCACertificates('default')

let proxy: TlsProxy
let server: TestServer
let volunteer: RunningProcess
let home = ''
let url = ''
let env: Readonly<Record<string, string>> = {}
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'peercompute-behind-tls-'))
  writeFileSync(join(home, 'job.yaml'), JOB)
  proxy = await startTlsProxy()
  url = `https://127.0.0.1:${proxy.port}`
  server = await startServer({ args: ['--public-url', url, '--new-researchers', 'admit'] })
  proxy.forwardTo(server.port)
  setDefaultCACertificates([...trustedBefore, proxy.certificate])
  env = { NODE_EXTRA_CA_CERTS: proxy.certificateFile, XDG_CONFIG_HOME: home, PEERCOMPUTE_COORDINATOR: url }
  volunteer = startCli(['volunteer', '--data', join(home, 'volunteer'), '--threads', '1', '--json'], env)
})
afterAll(async () => {
  await volunteer.end('SIGINT')
  setDefaultCACertificates(trustedBefore)
  await server.stop()
  await proxy.stop()
  rmSync(home, { recursive: true, force: true })
})

it('announces its address with TLS and nothing else', async () => {
  const info = coordinatorInfoSchema.parse(await (await fetch(`${url}/api/v1/coordinator`)).json())
  expect(info).toMatchObject({ root: server.root, tokenRequired: true })
  expect(info.addresses).toEqual([`/ip4/127.0.0.1/tcp/${proxy.port}/tls/ws/p2p/${info.peerId}`])
})

it('is not reached by a program that does not trust the certificate of the proxy', async () => {
  const { code, stderr } = await runCli(['list'], { ...env, NODE_EXTRA_CA_CERTS: '' })
  expect({ code, stderr }).toMatchObject({ code: ERRORS.COORDINATOR_UNREACHABLE.exit, stderr: expect.stringMatching(/certificate/) })
})

it('wants a token of those who do not sign, though the proxy speaks from this machine', async () => {
  const response = await postJob(url, { spec: (await queensJob(5)).spec })
  expect({ status: response.status, problem: await response.json() }).toMatchObject({ status: 401, problem: { code: 'TOKEN_REQUIRED' } })
})

it('a volunteer comes through the proxy by libp2p and settles a job that was published with the token', async () => {
  const { adminToken } = z.object({ adminToken: z.string() }).parse(JSON.parse(server.process.stdout()))
  await until('the volunteer', async () => coordinatorInfoSchema.parse(await server.get('/api/v1/coordinator')).hosts > 0)
  const { stdout, stderr, code } = await runCli(['submit', home, '--watch', '--timeout', '60', '--json', '--token', adminToken], env)
  expect(code, stderr).toBe(0)
  const { id } = z.object({ id: z.string() }).parse(JSON.parse(stdout.split('\n')[0] ?? ''))
  expect(await server.job(id)).toMatchObject({
    state: 'completed',
    custodial: true,
    reduced: { kind: 'sum', sum: String(QUEENS_SOLUTIONS.get(8)) }
  })

  // The work went through the WebSocket; over HTTP only the certificate and the bytes of the programs were fetched.
  expect(proxy.requests.filter((request) => request.startsWith('UPGRADE'))).not.toEqual([])
  expect(proxy.requests.filter((request) => request === 'POST /api/v1/work')).toEqual([])
})
