/** What is wrong with a job file, on the way that a researcher takes: the exit code, the sentence and the line of the command line. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ERRORS, jobDetailSchema, signSpec, submitAnswerSchema, generateKeyPair, type ErrorCode } from '@peercompute/job-specs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, startServer, type TestServer } from '../harness/index.ts'
import { ownJob, postJob, queensJob } from './parts/publish.ts'

let server: TestServer
let home = ''
let folders = 0
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'peercompute-job-files-'))
  server = await startServer()
})
afterAll(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

const cli = (...args: readonly string[]) => runCli(args, { XDG_CONFIG_HOME: home, PEERCOMPUTE_COORDINATOR: server.url })

/** A job folder of its own. */
function jobFolder(jobFile: string, programs: Readonly<Record<string, string>> = {}): string {
  const folder = join(home, `job-${folders++}`)
  mkdirSync(folder)
  for (const [name, text] of Object.entries({ 'job.yaml': jobFile, ...programs })) writeFileSync(join(folder, name), text)
  return folder
}

function expectRefusal(
  { code, stdout, stderr }: { code: number | null; stdout: string; stderr: string },
  error: ErrorCode,
  ...sentences: string[]
): void {
  expect({ code, stdout }, stderr).toEqual({ code: ERRORS[error].exit, stdout: '' })
  for (const sentence of [error, ERRORS[error].title, ERRORS[error].remedy, ...sentences]) expect(stderr).toContain(sentence)
}

const OWN = 'peercompute: 1\nname: own\nkernel: { name: own, js: kernel.js }\nunits: 2\noutputs: [{ name: y, type: f32, shape: [2] }]\n'
const SOUND = 'export default ({ unit }) => ({ y: Float32Array.of(unit, unit) })\n'

describe('a job file is refused with its line, and nothing is published', () => {
  it.each([
    ['without its name', OWN.replace('name: own\n', ''), 'job.yaml:1:1: "name" is missing'],
    ['without the outputs that its own kernel needs', OWN.replace(/outputs.*\n/, ''), '"outputs" is missing'],
    [
      'with a text where a number is wanted',
      OWN.replace('units: 2', 'units: many'),
      'job.yaml:4:8: "units" must be a number, but is "many"'
    ],
    ['with an unknown key', `${OWN}colour: red\n`, 'job.yaml:6:1: Unknown field "colour"'],
    ['with zero units', OWN.replace('units: 2', 'units: 0'), 'job.yaml:4:8: "units" must be at least 1, but is 0'],
    ['with an output over its declared size', `${OWN}limits: { outputBytes: 4 }\n`, 'take 8 bytes a unit, more than limits.outputBytes (4)']
  ])('%s', async (_what, jobFile, sentence) => {
    const folder = jobFolder(jobFile, { 'kernel.js': SOUND })
    const before = await server.jobIds()
    expectRefusal(await cli('submit', folder), 'JOB_INVALID', sentence)
    expectRefusal(await cli('check', folder), 'JOB_INVALID', sentence)
    expect(await server.jobIds()).toEqual(before)
  })
})

describe('the API refuses the same, whoever signed it, and keeps nothing of it', () => {
  it.each([
    ['a missing field', { title: undefined }, 'title'],
    ['a wrong type', { unitCount: 'many' }, 'unitCount'],
    ['an unknown key', { colour: 'red' }, 'colour'],
    ['zero units', { unitCount: 0 }, 'unitCount'],
    ['an output over its declared size', { limits: { unitSeconds: 1, outputBytes: 1, memoryBytes: 1 } }, 'outputs']
  ])('%s', async (_what, change, path) => {
    const response = await postJob(server.url, { spec: { ...ownJob('own', { js: SOUND }).spec, ...change } })
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await response.json()).toMatchObject({ code: 'JOB_INVALID', status: 400, place: { path }, remedy: ERRORS.JOB_INVALID.remedy })
    expect(await server.jobIds()).toEqual([])
  })

  it('a signature that does not hold', async () => {
    const signed = await signSpec(await generateKeyPair({ extractable: true }), ownJob('own', { js: SOUND }).spec)
    const forgeries = [
      { ...signed, spec: { ...signed.spec, title: 'Another title' } },
      { ...signed, sig: (await signSpec(await generateKeyPair({ extractable: true }), signed.spec)).sig }
    ]
    for (const forged of forgeries) {
      const response = await postJob(server.url, forged)
      expect({ status: response.status, problem: await response.json() }).toMatchObject({
        status: 400,
        problem: { code: 'JOB_SIGNATURE_INVALID' }
      })
    }
    expect(await server.jobIds()).toEqual([])
  })
})

describe('check brings the words of the compiler and of the program', () => {
  it('a WGSL kernel that does not compile', async () => {
    const wgsl =
      '@group(1) @binding(0) var<storage, read_write> y: array<f32>;\n\n@compute @workgroup_size(2)\nfn main() {\n  y[0] = colour;\n}\n'
    const jobFile = OWN.replace('js: kernel.js', 'wgsl: { file: kernel.wgsl, passes: [{ entry: main, grid: [2] }] }')
    const folder = jobFolder(jobFile, { 'kernel.wgsl': wgsl })
    expectRefusal(await cli('check', folder), 'KERNEL_COMPILE', 'webgpu', "line 5:10: unresolved value 'colour'")
  })

  it('a JavaScript kernel that does not compile', async () => {
    const folder = jobFolder(OWN, { 'kernel.js': 'export default ({ unit }) => {\n  return ((\n}\n' })
    expectRefusal(await cli('check', folder), 'KERNEL_COMPILE', 'line 3: SyntaxError: ')
  })

  it('a kernel that returns more than it declared', async () => {
    const folder = jobFolder(OWN, { 'kernel.js': 'export default ({ unit }) => ({ y: new Float32Array(1000) })\n' })
    expectRefusal(await cli('check', folder), 'OUTPUT_SIZE', '"y"', '1000')
  })
})

/** Were its units made one by one, it would take minutes and gigabytes. */
describe('a job of a thousand million units', () => {
  it('is published, shown and cancelled like a small one, and published again it is the same', async () => {
    const folder = jobFolder(OWN.replace('units: 2', 'units: 1000000000'), { 'kernel.js': SOUND })
    const first = submitAnswerSchema.parse(JSON.parse((await cli('submit', folder, '--json')).stdout))
    expect(first).toMatchObject({ created: true, state: 'running' })

    const shown = await cli('show', first.id)
    expect(shown.stdout).toMatch(/^units .* 0 of 1.000.000.000 verified/m)
    expect(jobDetailSchema.parse(JSON.parse((await cli('show', first.id, '--json')).stdout)).units.waiting).toBe(1_000_000_000)

    expect(submitAnswerSchema.parse(JSON.parse((await cli('submit', folder, '--json')).stdout))).toMatchObject({
      id: first.id,
      created: false
    })
    expect((await cli('cancel', first.id)).code).toBe(0)
    expect((await server.job(first.id)).state).toBe('cancelled')
    expect(await server.get(`/api/v1/jobs/${first.id}/results`)).toEqual({ rows: [], next: null })
  })
})

describe('what is not there, and who may not', () => {
  it('an unknown job', async () => {
    const id = '0'.repeat(64)
    for (const command of ['show', 'watch', 'results', 'why', 'cancel']) expectRefusal(await cli(command, id), 'JOB_NOT_FOUND', id)
    const response = await fetch(`${server.url}/api/v1/jobs/${id}`)
    expect({ status: response.status, problem: await response.json() }).toMatchObject({ status: 404, problem: { code: 'JOB_NOT_FOUND' } })
  })

  it('a job that has ended can be neither cancelled again nor resumed', async () => {
    const { spec } = await queensJob(5)
    const { id } = submitAnswerSchema.parse(await (await postJob(server.url, { spec })).json())
    expect((await fetch(`${server.url}/api/v1/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(200)
    const again = await fetch(`${server.url}/api/v1/jobs/${id}/resume`, { method: 'POST' })
    expect({ status: again.status, problem: await again.json() }).toMatchObject({ status: 409, problem: { code: 'JOB_CLOSED' } })
  })
})
