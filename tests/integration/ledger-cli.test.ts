/** `ledger show | export | verify` against a real coordinator with a finished job, and against files that were tampered with. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { jobDetailSchema } from '@peercompute/job-specs'
import { serve, type RunningServer } from '@peercompute/relay-coordinator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli, startVolunteer, until } from '../harness/index.ts'

const UNITS = 64
let home: string
let server: RunningServer
let file: string
let job: string

const run = (...args: readonly string[]) => runCli(args, { XDG_CONFIG_HOME: join(home, 'config'), PEERCOMPUTE_COORDINATOR: server.url })

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'peercompute-ledger-'))
  file = join(home, 'ledger.peercompute')
  server = await serve({ port: 0, dataDir: join(home, 'coordinator') })
  await writeFile(
    join(home, 'queens.yaml'),
    'peercompute: 1\nname: queens-here\nkernel: n-queens\nparams: { n: 8 }\nverification: { quorum: 2, independence: executor }\n'
  )
  await using volunteer = await startVolunteer(server.url, { name: 'here' })
  const submitted = await run('submit', join(home, 'queens.yaml'), '--watch', '--timeout', '90', '--json')
  expect({ code: submitted.code }, submitted.stderr).toEqual({ code: 0 })
  job = z.object({ id: z.string() }).parse(JSON.parse(submitted.stdout.split('\n')[0] ?? '')).id
  await until('the end of the job', async () => {
    const detail = jobDetailSchema.parse(await (await fetch(`${server.url}/api/v1/jobs/${job}`)).json())
    return detail.state === 'completed' && volunteer.snapshot().reportsWaiting === 0
  })
})
afterAll(async () => {
  await server.close()
  await rm(home, { recursive: true, force: true })
})

const shownSchema = z.object({
  root: z.string(),
  records: z.int(),
  feeds: z.array(z.object({ author: z.string(), epoch: z.int(), length: z.int() })),
  jobs: z.array(z.object({ id: z.string(), name: z.string(), state: z.string(), units: z.int(), settled: z.int() })),
  credit: z.record(z.string(), z.int())
})

describe('over peers', () => {
  test('show tells what everybody can know: the job, every settled unit, the credit', async () => {
    const shown = await until('the whole ledger', async () => {
      const { stdout } = await run('ledger', 'show', '--json')
      const parsed = shownSchema.parse(JSON.parse(stdout))
      return parsed.jobs.some(({ state }) => state === 'completed') ? parsed : null
    })
    expect(shown.root).toBe(server.root)
    expect(shown.jobs).toEqual([
      expect.objectContaining({ id: job, name: 'queens-here', state: 'completed', units: UNITS, settled: UNITS })
    ])
    expect(shown.records).toBe(shown.feeds.reduce((sum, { length }) => sum + length, 0))
    const person = await run('ledger', 'show')
    expect(person.stdout).toMatch(new RegExp(`^${job.slice(0, 8)} +queens-here +completed +100 % +${UNITS} +${UNITS}$`, 'm'))
    expect(person.stderr).toMatch(/^1 job; \d+ records in \d+ feeds; root /m)
  })

  test('show takes one job by its name, and one feed by its author', async () => {
    const one = await run('ledger', 'show', '--job', 'queens-here')
    expect(one.stdout).toMatch(new RegExp(`^settled +${UNITS} of ${UNITS} units`, 'm'))
    expect(await run('ledger', 'show', '--job', 'nothing')).toMatchObject({ code: 4, stderr: expect.stringContaining('JOB_NOT_FOUND') })
    const { feeds } = shownSchema.parse(JSON.parse((await run('ledger', 'show', '--json')).stdout))
    const [{ author } = { author: '' }] = [...feeds].sort((a, b) => b.length - a.length)
    const feed = await run('ledger', 'show', '--feed', author.slice(0, 10))
    expect(feed.stdout).toMatch(/^ *\d+ +0 +coordinator\.open/m)
    expect(feed.stdout).toMatch(/ranges\.settle/)
    expect(await run('ledger', 'show', '--feed', '________')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('LEDGER_FEED_NOT_FOUND')
    })
  })

  test('verify --live checks what peers send', async () => {
    const { code, stdout, stderr } = await run('ledger', 'verify', '--live', '--json')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ holds: true, root: server.root, jobs: 1, refused: [], forks: [], wanted: null })
  })

  test('a relay alone will do, and tells the root by itself', async () => {
    const { code, stdout } = await run('ledger', 'show', '--json', '--relay', server.addresses[0] ?? '')
    expect(code).toBe(0)
    expect(shownSchema.parse(JSON.parse(stdout))).toMatchObject({ root: server.root })
  })

  test('nobody there is exit code 6, too little time is 7', async () => {
    const nowhere = (server.addresses[0] ?? '').replace(/\/tcp\/\d+\//, '/tcp/1/')
    expect((await run('ledger', 'show', '--relay', nowhere, '--timeout', '3')).code).toBe(7)
    expect((await run('ledger', 'show', '--coordinator', 'http://127.0.0.1:1')).code).toBe(6)
  })
})

describe('as a file', () => {
  test('export writes what verify and show read without anybody else', async () => {
    const exported = await run('ledger', 'export', file)
    expect({ code: exported.code }, exported.stderr).toEqual({ code: 0 })
    expect(exported.stderr).toContain(`peercompute ledger verify ${file}`)
    const verified = await runCli(['ledger', 'verify', file], { PEERCOMPUTE_COORDINATOR: 'http://127.0.0.1:1' })
    expect(verified).toMatchObject({ code: 0, stderr: expect.stringContaining('Everything holds.') })
    expect(verified.stdout).toMatch(new RegExp(`^root +${server.root}$`, 'm'))
    const shown = await runCli(['ledger', 'show', '--file', file, '--json'], { PEERCOMPUTE_COORDINATOR: 'http://127.0.0.1:1' })
    expect(shownSchema.parse(JSON.parse(shown.stdout)).jobs).toMatchObject([{ id: job, settled: UNITS }])
  })

  test('one changed byte inside a record is refused, with the feed that it spoils, and exit code 1', async () => {
    const bytes = await readFile(file)
    const place = bytes.indexOf('"ranges.settle"')
    expect(place).toBeGreaterThan(0)
    bytes.write('"ranges.Settle"', place)
    const spoilt = join(home, 'spoilt.peercompute')
    await writeFile(spoilt, bytes)
    const { code, stdout, stderr } = await run('ledger', 'verify', spoilt)
    expect(code).toBe(1)
    expect(stderr).toContain('LEDGER_INVALID')
    expect(stdout).toMatch(/^refused +feed \S+, epoch \d+: (record|signature)$/m)
  })

  test('what is no ledger, or is cut off, or is not there, is said to be so', async () => {
    const bytes = await readFile(file)
    await writeFile(join(home, 'cut'), bytes.subarray(0, bytes.length - 10))
    await writeFile(join(home, 'text'), 'hello')
    for (const name of ['cut', 'text', 'missing'])
      expect(await run('ledger', 'verify', join(home, name))).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('LEDGER_FILE_UNREADABLE')
      })
    expect((await run('ledger', 'verify')).code).toBe(2)
    expect((await run('ledger', 'verify', file, '--live')).code).toBe(2)
  })

  test('another root than the one asked for finds no jobs', async () => {
    const { code, stdout } = await run('ledger', 'show', '--file', file, '--root', 'A'.repeat(43), '--json')
    expect(code).toBe(0)
    expect(shownSchema.parse(JSON.parse(stdout)).jobs).toMatchObject([])
  })
})
