/** From a real job to a download that is checked again when its coordinator is gone. What tampering does to it: beside the sources. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve, type RunningServer } from '@peercompute/relay-coordinator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCli, type Cli } from '../harness/process.ts'
import { until } from '../harness/until.ts'

const QUEENS =
  'peercompute: 1\nname: queens\nkernel: n-queens\nparams: { n: 8 }\nverification: { policy: quorum, quorum: 2, independence: executor }\n'

let home: string
let server: RunningServer
let cli: Cli
const at = (name: string) => join(home, name)

interface Verified {
  readonly holds: boolean
  readonly units: number
  readonly root: string
  readonly steps: readonly { readonly name: string; readonly verdict: string; readonly failures: readonly { readonly place: string }[] }[]
  readonly rerun: { readonly agree: boolean; readonly unit: number } | null
}

async function verified(...args: readonly string[]): Promise<Verified & { readonly code: number | null; readonly stderr: string }> {
  const { code, stdout, stderr } = await cli.run('verify', ...args, '--json')
  return { code, stderr, ...(JSON.parse(stdout) as Verified) }
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'peercompute-receipts-'))
  server = await serve({ port: 0, dataDir: at('coordinator') })
  cli = createCli({ XDG_CONFIG_HOME: at('config'), PEERCOMPUTE_COORDINATOR: server.url, HOME: home })
  await writeFile(at('queens.yaml'), QUEENS)
  const volunteer = cli.start('volunteer', '--data', at('volunteer'), '--threads', '1')
  try {
    const { code, stderr } = await cli.run('submit', at('queens.yaml'), '--watch', '--timeout', '90')
    expect(code, stderr).toBe(0)
  } finally {
    await volunteer.end()
  }
  for (const args of [
    ['--out', at('folder'), '--format', 'csv'],
    ['--format', 'verified', '--out', at('queens.ndjson')]
  ])
    expect(await cli.run('results', 'queens', ...args)).toMatchObject({ code: 0, stderr: expect.stringContaining('peercompute verify') })
  // Records are text inside of the exported file.
  await until('the receipt in the ledger', async () => (await (await fetch(`${server.url}/api/v1/ledger`)).text()).includes('job.receipt'))
  expect((await cli.run('ledger', 'export', at('ledger.pc'))).code).toBe(0)
  await server.close()
})
afterAll(async () => {
  await server.close()
  await rm(home, { recursive: true, force: true })
})

test('file and folder hold without the coordinator, under the root key that was met, and the same key by hand', async () => {
  for (const path of ['queens.ndjson', 'folder']) {
    const report = await verified(at(path), '--root', server.root, '--ledger', at('ledger.pc'))
    expect(report).toMatchObject({ code: 0, stderr: '', holds: true, units: 64, root: server.root })
    expect(report.steps.map(({ verdict }) => verdict)).toEqual(report.steps.map(() => 'ok'))
  }
  const known = await cli.run('verify', at('folder'))
  expect(known).toMatchObject({ code: 0, stderr: expect.stringContaining('everything that could be checked holds') })
  expect(known.stdout).toMatch(/^ok +The root key stands behind the coordinator/m)
})

test('a unit is computed again from the library, and agrees', async () => {
  expect(await verified(at('folder'), '--rerun', '5')).toMatchObject({ code: 0, rerun: { unit: 5, agree: true } })
  expect(await verified(at('queens.ndjson'), '--rerun')).toMatchObject({ code: 0, rerun: { agree: true } })
  expect(await cli.run('verify', at('folder'), '--rerun', '64')).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('UNIT_NOT_SETTLED')
  })
})

test('a changed vote, a changed value, another root and another ledger are found, with exit code 1', async () => {
  const whole = await readFile(at('queens.ndjson'), 'utf8')
  const lines = whole.split('\n')
  await writeFile(at('vote.ndjson'), lines.with(3, (lines[3] ?? '').replace('"executor":"js"', '"executor":"webgpu"')).join('\n'))
  const vote = await verified(at('vote.ndjson'))
  expect(vote).toMatchObject({ code: 1, holds: false })
  expect(vote.stderr).toContain('vote.ndjson, line 4, unit 2, receipt')
  const values = await readFile(at('folder/values.bin'))
  await writeFile(
    at('folder/values.bin'),
    values.map((byte, place) => (place === 40 ? byte + 1 : byte))
  )
  expect((await verified(at('folder'))).steps.find(({ name }) => name === 'values')?.failures[0]?.place).toBe('values.bin, unit 10, value')
  const stranger = `A${server.root.slice(1)}` === server.root ? `B${server.root.slice(1)}` : `A${server.root.slice(1)}`
  const foreign = await verified(at('queens.ndjson'), '--root', stranger)
  expect(foreign.steps.find(({ verdict }) => verdict === 'fail')).toMatchObject({ name: 'certificate' })
})

test('what is no download is refused in a sentence', async () => {
  expect(await cli.run('verify', at('nothing'))).toMatchObject({ code: 2, stderr: expect.stringContaining('DOWNLOAD_UNREADABLE') })
  expect(await cli.run('verify', home)).toMatchObject({ code: 2, stderr: expect.stringContaining('manifest.json') })
  expect((await cli.run('verify', at('queens.yaml'))).code).toBe(1)
})
