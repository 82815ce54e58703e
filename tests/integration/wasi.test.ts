/** A program in C, compiled as it is, does a parameter study on the platform: published, computed twice by volunteers in their cages, and equal to the program on this machine. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERRORS, resultRowSchema, sha256Hex } from '@peercompute/job-specs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCli, startServer, startVolunteer, type TestServer } from '../harness/index.ts'

const STUDY = fileURLToPath(new URL('../../examples/jobs/school-flu', import.meta.url))
const COMPILER = ['/usr/bin/clang', '/usr/bin/gcc', '/usr/bin/cc'].find((path) => existsSync(path))
/** What the program gives for some units, by the compiler named in the Makefile: first latent period, last one. */
const KNOWN: Readonly<Record<number, readonly [number, number]>> = {
  0: [178877.61869932705, 308620.8250445067],
  297: [4358.116627599167, 315115.1824940247],
  366: [30213.09531350065, 315787.43612977257],
  767: [247194.8105020379, 228352.93182668454]
}

let home = ''
let server: TestServer
let volunteers: readonly Awaited<ReturnType<typeof startVolunteer>>[] = []
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'peercompute-wasi-'))
  server = await startServer()
  volunteers = await Promise.all(['first', 'second'].map((name) => startVolunteer(server.url, { name, foreign: true })))
})
afterAll(async () => {
  await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

const cli = (args: readonly string[], timeoutMs?: number) =>
  runCli(args, { XDG_CONFIG_HOME: home, PEERCOMPUTE_COORDINATOR: server.url }, timeoutMs)

/** The same source on this machine's processor. */
function native(unit: number): readonly number[] {
  const program = join(home, 'seir')
  if (!existsSync(program)) execFileSync(COMPILER ?? '', ['-O2', '-ffp-contract=off', '-o', program, join(STUDY, 'seir.c')])
  const out = join(home, 'misfit')
  const given = [
    '--columns',
    '32',
    '--rows',
    '24',
    '--beta',
    '1.2',
    '2.75',
    '--gamma',
    '0.3',
    '0.645',
    '--latency',
    '1.5',
    '16',
    '--people',
    '763'
  ]
  execFileSync(program, ['--cell', String(unit), ...given, join(STUDY, 'in-bed.csv'), out])
  return readFileSync(out, 'utf8').trim().split('\n').map(Number)
}

it('the compiled program is the one that its README names', () => {
  const module = new Uint8Array(readFileSync(join(STUDY, 'seir.wasm')))
  expect(module.length).toBeLessThan(61_440)
  expect(readFileSync(join(STUDY, 'README.md'), 'utf8')).toContain(sha256Hex(module))
})

it('the study finds the rates of the textbooks, with the bits of a native program', async () => {
  const submitted = await cli(['submit', STUDY, '--watch', '--timeout', '90'], 100_000)
  expect(submitted.code, submitted.stderr).toBe(0)
  const job = await server.job(submitted.stdout.trim())
  expect(job).toMatchObject({ state: 'completed', failures: [], unitCount: 768, reduced: { kind: 'argmin', unit: 366, index: 1 } })
  const { code, stdout, stderr } = await cli(['results', 'school-flu'])
  expect(code, stderr).toBe(0)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => resultRowSchema.parse(JSON.parse(line)))
  expect(rows).toHaveLength(768)
  for (const { votes } of rows) expect(new Set(votes.map(({ host }) => host)).size).toBe(2)
  // without latency: transmission 1.65 and recovery 0.435 per day; Murray has 1.66 and 0.44
  const plain = rows.map(({ values }) => Number(values['misfit']?.[0]))
  expect(plain.indexOf(Math.min(...plain))).toBe(297)
  for (const [unit, [first, last]] of Object.entries(KNOWN)) {
    const misfit = rows[Number(unit)]?.values['misfit']?.map(Number) ?? []
    expect([misfit[0], misfit[15]]).toEqual([first, last])
    if (COMPILER !== undefined) expect(native(Number(unit))).toEqual(misfit)
  }
})

it('check shows how the program is called, and what it said when it failed', async () => {
  const shown = await cli(['check', STUDY, '--unit', '5'])
  expect(shown.code, shown.stderr).toBe(0)
  expect(shown.stderr).toContain('--cell 5 --columns 32')

  const folder = mkdtempSync(join(home, 'broken-'))
  for (const name of ['seir.wasm', 'in-bed.csv']) writeFileSync(join(folder, name), readFileSync(join(STUDY, name)))
  const broken = readFileSync(join(STUDY, 'job.yaml'), 'utf8').replace('/in/inBed', '/in/absent')
  writeFileSync(join(folder, 'job.yaml'), broken)
  const failed = await cli(['check', folder])
  expect(failed.code).toBe(ERRORS.UNIT_FAILED.exit)
  for (const words of ['exit code 2; standard error ends with:', 'seir: No such file or directory: /in/absent', '/in/absent /out/misfit'])
    expect(failed.stderr).toContain(words)

  writeFileSync(join(folder, 'job.yaml'), broken.replace('{unit}', '{units}'))
  const unknown = await cli(['check', folder])
  expect(unknown.code).toBe(ERRORS.JOB_INVALID.exit)
  expect(unknown.stderr).toContain('"kernel.wasi.arguments[1]" has "{units}", which is no placeholder')
})
