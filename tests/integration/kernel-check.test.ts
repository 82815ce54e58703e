/** Uploaded WGSL is compiled before any host gets it: a bad kernel is refused at once, or its job ends with a reason that everybody sees. */
import { blobRef, generateKeyPair, signSpec, utf8 } from '@peercompute/job-specs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCli, startServer, until, type TestServer } from '../harness/index.ts'
import { ownJob, postJob, publish } from './parts/publish.ts'

const HEAD = '@group(1) @binding(0) var<storage, read_write> y: array<f32>;\n'
const BAD = `${HEAD}@compute @workgroup_size(1) fn main() {\n  y[0] = colour;\n}\n`
const GOOD = `${HEAD}@compute @workgroup_size(1) fn main() {\n  while (y[0] < 4.0) { y[0] += 1.0; }\n}\n`
const WORDS = "line 3:10: unresolved value 'colour'"

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(async () => {
  await server.stop()
})

it('a kernel that is here already is refused when its job is published', async () => {
  const put = await fetch(`${server.url}/api/v1/blobs/${blobRef(utf8(BAD)).sha256}`, { method: 'PUT', body: BAD })
  const { spec, blobs } = ownJob('first', { wgsl: BAD })
  if (!put.ok) {
    // Nobody may upload what no job awaits: another job with the same kernel brings it.
    await publish(server.url, { spec: { ...spec, name: 'before' }, blobs })
  }
  const answer = await postJob(server.url, await signSpec(await generateKeyPair({ extractable: true }), spec))
  expect(answer.status).toBe(422)
  expect(await answer.json()).toMatchObject({ code: 'KERNEL_COMPILE', detail: expect.stringContaining(WORDS) })
})

it('a kernel that is uploaded afterwards ends its job, and the reason is seen', async () => {
  const { id } = await publish(server.url, ownJob('second', { wgsl: BAD.replace('4.0', '5.0').concat('//') }))
  await until('the verdict', async () => (await server.job(id)).state === 'cancelled')
  expect(await server.get(`/api/v1/jobs/${id}/why`)).toMatchObject({
    code: 'kernel_refused',
    facts: { message: `KERNEL_COMPILE: ${WORDS}` }
  })
  const { stdout } = await runCli(['why', id], { PEERCOMPUTE_COORDINATOR: server.url })
  expect(stdout).toContain('refused it')
  expect(stdout).toContain(WORDS)
})

it('a good kernel begins as ever', async () => {
  const { id } = await publish(server.url, ownJob('third', { wgsl: GOOD }))
  await until('the start', async () => (await server.job(id)).state === 'running')
})
