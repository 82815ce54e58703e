import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { matchesBlob, PeerComputeError } from '@peercompute/job-specs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadJob } from './load-job.ts'

const examples = join(import.meta.dirname, '..', '..', '..', 'examples', 'jobs')
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peercompute-load-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function refusal(target: string, options = {}): Promise<PeerComputeError> {
  const error = await loadJob(target, options).then(
    () => undefined,
    (reason: unknown) => reason
  )
  if (error instanceof PeerComputeError) return error
  throw new Error(`It was not refused: ${String(error)}`)
}

describe.each(['keeling-fit', 'n-queens', 'mandelbrot'])('the example %s', (name) => {
  test('loads with the bytes of every program and input', async () => {
    const { spec, blobs } = await loadJob(join(examples, name))
    expect(spec.name).toBe(name)
    const refs = [spec.kernel.wgsl?.blob, spec.kernel.js?.blob, spec.kernel.wasm?.blob, ...spec.inputs.map((input) => input.blob)].filter(
      (ref) => ref !== undefined
    )
    expect(refs.length).toBeGreaterThanOrEqual(3)
    for (const ref of refs) expect(matchesBlob(ref, blobs.get(ref.sha256) ?? new Uint8Array())).toBe(true)
  })
})

test('a library kernel is a job by its name alone', async () => {
  const { spec } = await loadJob('n-queens', { params: { n: 10 }, revision: 3 })
  expect(spec).toMatchObject({ unitCount: 100, params: { n: 10 }, revision: 3 })
})

test('a parameter on the command line wins over the file', async () => {
  expect((await loadJob(join(examples, 'n-queens'), { params: { n: 8 } })).spec.unitCount).toBe(64)
})

test('an own kernel carries its files', async () => {
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'kernel.js'), 'export default () => ({})')
  await writeFile(join(folder, 'data', 'x.f32'), new Uint8Array(8))
  await writeFile(
    join(folder, 'job.yaml'),
    'peercompute: 1\nname: own\nkernel: { name: own, js: kernel.js }\nunits: 3\ninputs: [{ name: x, file: data/x.f32, type: f32 }]\noutputs: [{ name: y, type: f32, shape: [2] }]\n'
  )
  const { spec, blobs } = await loadJob(folder)
  expect([...blobs.values()].map((bytes) => bytes.length)).toEqual([25, 8])
  expect([...blobs.keys()]).toEqual([spec.kernel.js?.blob.sha256, spec.inputs[0]?.blob.sha256])
})

test.each([
  ['nothing there', 'no-such-thing', {}, 'JOB_FILE_UNREADABLE', 'no file, folder or library kernel'],
  ['a misspelt kernel', 'n-quens', {}, 'JOB_FILE_UNREADABLE', 'did you mean "n-queens"?'],
  ['an unknown parameter', 'n-queens', { params: { m: 3 } }, 'JOB_INVALID', 'no parameter "m"'],
  ['a parameter out of range', 'n-queens', { params: { n: 99 } }, 'JOB_INVALID', 'from 5 to 16'],
  ['a list for a number', 'n-queens', { params: { n: [1, 2] } }, 'JOB_INVALID', 'must be a number, but is a list']
])('%s is refused', async (_, target, options, code, sentence) => {
  expect(await refusal(target, options)).toMatchObject({ code, detail: expect.stringContaining(sentence) })
})

test.each([
  ['a folder without a job file', undefined, 'JOB_FILE_UNREADABLE', 'holds none of job.yaml'],
  ['bytes that are not UTF-8', new Uint8Array([0x6e, 0xff, 0xfe]), 'JOB_FILE_UNREADABLE', 'it is not UTF-8'],
  ['a file that is too large', 'x'.repeat(200_000), 'JOB_FILE_UNREADABLE', 'larger than'],
  [
    'a missing program',
    'peercompute: 1\nname: own\nkernel: { name: own, js: gone.js }\nunits: 3\noutputs: [{ name: y, type: f32, shape: [2] }]',
    'JOB_INVALID',
    'gone.js is not there'
  ],
  ['an unknown library kernel', 'peercompute: 1\nname: own\nkernel: n-quens', 'JOB_INVALID', 'did you mean "n-queens"?'],
  [
    'a parameter that the kernel does not have',
    'peercompute: 1\nname: own\nkernel: n-queens\nparams:\n  n: 10\n  m: 3',
    'JOB_INVALID',
    'job.yaml:6:6: The kernel n-queens has no parameter "m"'
  ]
])('%s is refused', async (_, content, code, sentence) => {
  if (content !== undefined) await writeFile(join(folder, 'job.yaml'), content)
  expect(await refusal(folder)).toMatchObject({ code, detail: expect.stringContaining(sentence) })
})

test('a problem is shown with its line and a caret', async () => {
  await writeFile(join(folder, 'job.yaml'), 'peercompute: 1\nname: own\nkernel: n-queens\nparams: { n: many }\n')
  const error = await refusal(join(folder, 'job.yaml'))
  expect(error.place).toMatchObject({ line: 4, column: 14, path: 'params.n' })
  expect(error.detail).toContain('  4 | params: { n: many }\n    |              ^')
})
