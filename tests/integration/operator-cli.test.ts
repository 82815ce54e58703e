/** The operator's command line against a coordinator with a public address, where everything needs a token. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditEntrySchema, createdTokenSchema, jobDetailSchema, researcherDecisionSchema, submitAnswerSchema } from '@peercompute/job-specs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCli, startServer, type CliResult, type TestServer } from '../harness/index.ts'

let server: TestServer
let admin = ''
let home = ''
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'peercompute-operator-'))
  server = await startServer({ args: ['--public-url', 'https://compute.example'] })
  const ready = JSON.parse(server.process.stdout().split('\n', 1)[0] ?? '{}') as { adminToken?: string }
  admin = ready.adminToken ?? ''
})
afterAll(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

const cli = (token: string | null, ...args: readonly string[]): Promise<CliResult> =>
  runCli([...args, '--coordinator', server.url, '--json'], {
    XDG_CONFIG_HOME: home,
    ...(token === null ? {} : { PEERCOMPUTE_TOKEN: token })
  })

it('tokens, approvals, revocations and the audit log from the command line', async () => {
  const refused = await cli(null, 'tokens', 'list')
  expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('token')])

  const created = createdTokenSchema.parse(
    JSON.parse((await cli(admin, 'tokens', 'create', '--scope', 'publish', 'read', '--label', 'Ada', '--expires', '1')).stdout)
  )
  expect(created).toMatchObject({ label: 'Ada', scopes: ['publish', 'read'] })
  expect((await cli(created.token, 'tokens', 'list')).code).toBe(5)

  // A key of one's own waits; the token does not.
  const waiting = submitAnswerSchema.parse(JSON.parse((await cli(null, 'submit', 'n-queens', '-p', 'n=6')).stdout))
  const { author, held } = jobDetailSchema.parse(JSON.parse((await cli(null, 'show', waiting.id)).stdout))
  expect(held).toBe(true)
  const custodial = submitAnswerSchema.parse(JSON.parse((await cli(created.token, 'submit', 'n-queens', '-p', 'n=7')).stdout))
  expect(custodial).toMatchObject({ custodial: true, state: 'running' })
  expect((await cli(created.token, 'cancel', custodial.id)).code).toBe(0)
  expect((await cli(created.token, 'cancel', waiting.id)).code).toBe(5)

  const approved = researcherDecisionSchema.parse(JSON.parse((await cli(admin, 'researchers', 'approve', author.slice(0, 8))).stdout))
  expect(approved).toMatchObject({ researcher: { author, status: 'approved' }, jobs: [waiting.id] })
  expect((await cli(admin, 'revoke', author, '--reason', 'stolen')).code).toBe(0)
  expect((await cli(null, 'submit', 'n-queens', '-p', 'n=8')).code).toBe(5)

  expect((await cli(admin, 'tokens', 'revoke', created.id)).code).toBe(0)
  expect((await cli(created.token, 'submit', 'n-queens', '-p', 'n=9')).stderr).toContain('was revoked at')
  const log = (await cli(admin, 'audit')).stdout.trim().split('\n')
  const kinds = log.map((line) => auditEntrySchema.parse(JSON.parse(line)).kind)
  expect(kinds.filter((kind) => !kind.startsWith('job-'))).toEqual([
    'token-created',
    'researcher-asked',
    'researcher-approved',
    'revoked',
    'token-revoked'
  ])
})
