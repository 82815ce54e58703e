/** Credit from the command line, with real processes: a team is joined, a job earns credit, and the export is checked by itself. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountCreditSchema, boardSchema, creditExportSchema, type CreditExport } from '@peercompute/job-specs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServer, until, type TestServer } from '../harness/index.ts'
import { createCli, type Cli } from '../harness/process.ts'

let home: string
let server: TestServer
let cli: Cli

/** One machine suffices: its two programs count as two opinions. 64 units, so that the price is fixed on the way. */
const QUEENS =
  'peercompute: 1\nname: queens-here\nkernel: n-queens\nparams: { n: 8 }\nverification: { quorum: 2, independence: executor }\n'

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'peercompute-credit-'))
  server = await startServer()
  cli = createCli({ XDG_CONFIG_HOME: join(home, 'config'), PEERCOMPUTE_COORDINATOR: server.url, HOME: home })
  await writeFile(join(home, 'queens.yaml'), QUEENS)
})
afterAll(async () => {
  await server.stop()
  await rm(home, { recursive: true, force: true })
})

it('a volunteer earns credit for its team, and the signed export of it holds without the coordinator until a byte is changed', async () => {
  const json = async (...args: readonly string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await cli.run(...args, '--json')
    expect({ code, stderr }, args.join(' ')).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout)
  }
  expect((await cli.run('team', 'join', 'x')).code).toBe(2)
  expect(await json('team', 'join', 'Blue Whales')).toMatchObject({ team: { name: 'Blue Whales', microCredits: 0 } })
  expect((await cli.run('leaderboard')).stderr).toContain('Nobody has earned credit yet')

  const volunteer = cli.start('volunteer', '--threads', '1', '--label', 'attic')
  try {
    await volunteer.line(/\S/)
    expect(await cli.run('submit', join(home, 'queens.yaml'), '--watch', '--timeout', '90')).toMatchObject({ code: 0 })
  } finally {
    volunteer.child.kill('SIGINT')
    expect((await volunteer.ended).code).toBe(0)
  }

  const own = await until('the board to be made anew', async () => {
    const read = accountCreditSchema.parse(await json('credit'))
    return read.rank === 1 && read.share === 1 ? read : null
  })
  expect(own).toMatchObject({ units: 128, share: 1, team: { name: 'Blue Whales', microCredits: own.microCredits, units: 128 } })
  expect(own.microCredits).toBeGreaterThanOrEqual(128)
  const board = await until('the board', async () => {
    const read = boardSchema.parse(await json('leaderboard', '--by', 'team'))
    return read.microCredits === own.microCredits ? read : null
  })
  expect(board).toMatchObject({ rows: [{ rank: 1, team: 'Blue Whales', members: 1, microCredits: own.microCredits, share: 1 }] })
  expect((await cli.run('leaderboard')).stdout).toContain(own.account.slice(0, 8))

  const file = join(home, 'credit.json')
  const exported = await until('the export', async () => {
    await json('credit', 'export', file)
    const read = creditExportSchema.parse(JSON.parse(await readFile(file, 'utf8')))
    return read.sums.microCredits === own.microCredits ? read : null
  })
  const [job] = exported.jobs
  expect(exported.jobs).toEqual([{ job: job?.job, results: 128, unitMicroCredits: own.microCredits / 128 }])
  expect(exported.accounts).toEqual([{ account: own.account, microCredits: own.microCredits, units: 128, team: 'Blue Whales' }])
  expect((await cli.run('team', 'leave')).stderr).toContain('You are in no team')

  // From here on nobody is asked.
  await server.process.end('SIGTERM')
  expect(await json('credit', 'verify', file)).toMatchObject({ holds: true, known: true, accounts: 1, root: server.root })
  expect((await cli.run('credit', 'verify', file)).stdout).toMatch(/^holds +signature, certificate and all sums$/m)
  expect((await cli.run('credit', 'verify', file, '--root', own.account)).code).toBe(1)

  const tampered = async (change: (whole: CreditExport) => object) => {
    const other = join(home, 'tampered.json')
    await writeFile(other, JSON.stringify(change(structuredClone(exported))))
    return cli.run('credit', 'verify', other)
  }
  const inflated = await tampered((whole) => ({ ...whole, accounts: whole.accounts.map((row) => ({ ...row, microCredits: 1_000_000 })) }))
  expect(inflated).toMatchObject({ code: 1, stderr: expect.stringContaining('The signature of the coordinator does not hold') })
  expect((await tampered((whole) => ({ ...whole, at: whole.at + 1 }))).code).toBe(1)
  expect((await tampered((whole) => ({ ...whole, extra: 1 }))).code).toBe(2)
}, 120_000)
