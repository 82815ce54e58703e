/** Jobs with a fault that nobody checked before they were published: what the hosts met reaches API, command line and page. */
import { ERRORS, type JobId, type JobSpec } from '@peercompute/job-specs'
import { memoryLedgerStore } from '@peercompute/ledger'
import {
  assembleKernel,
  createIdentity,
  createMemoryOutboxStore,
  createMemoryPinStore,
  createWebGPUWorker,
  inProcessChannel,
  nodeComputeWorkers,
  nodeGpuClock,
  openCage,
  startLibp2pNetwork,
  systemClock,
  type NodeKernel
} from '@peercompute/worker-client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { create, globals } from 'webgpu'
import { launchChromium, openPage, runCli, startServer, until, type TestServer } from '../harness/index.ts'
import { ownJob, publish, type OwnPrograms } from './parts/publish.ts'

let server: TestServer
const volunteers: NodeKernel[] = []

/** A unit is given up when so many hosts have failed at it. */
const HOSTS = 3
const gpu = create(['backend=null'])

/** Runs whatever it is given, on the processor and on Dawn's null backend: a real WGSL compiler without a driver. */
async function startCareless(url: string): Promise<NodeKernel> {
  const cage = await openCage()
  if (cage.kind === null) throw new Error(cage.why)
  const { workers, failures } = await nodeComputeWorkers({
    gpu: () => createWebGPUWorker({ gpu, open: () => inProcessChannel(gpu, nodeGpuClock) }),
    slots: 1,
    cage
  })
  expect(failures).toEqual([])
  expect(workers.map(({ executor }) => executor.kind)).toEqual(['webgpu', 'wasm', 'js'])
  const kernel = await assembleKernel({
    coordinator: url,
    identity: await createIdentity({ label: 'careless', now: Date.now(), extractableHost: true }),
    workers,
    agent: 'test/careless',
    memoryBytes: 2 ** 30,
    outboxStore: createMemoryOutboxStore(),
    ledgerStore: memoryLedgerStore(),
    pins: createMemoryPinStore(),
    clock: systemClock,
    random: Math.random,
    fetch: globalThis.fetch,
    startPeers: startLibp2pNetwork,
    release: () => cage.close()
  })
  kernel.start()
  return kernel
}

beforeAll(async () => {
  server = await startServer()
  Object.assign(globalThis, globals)
  // One after another, because each measures its speed.
  for (let host = 0; host < HOSTS; host++) volunteers.push(await startCareless(server.url))
})
afterAll(async () => {
  await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
  await server.stop()
})

const WGSL =
  '@group(1) @binding(0) var<storage, read_write> y: array<f32>;\n\n@compute @workgroup_size(1)\nfn main() {\n  y[0] = colour;\n}\n'
const JS = 'export default () => {\n  return ((\n}\n'
const JS_COMPILER = 'line 3'
const COMPILER = "line 5:10: unresolved value 'colour'"

async function failed(name: string, programs: OwnPrograms, changes: Partial<JobSpec> = {}): Promise<JobId> {
  const { id } = await publish(server.url, ownJob(name, programs, changes))
  await until('the end of the job', async () => (await server.job(id)).state === 'failed')
  return id
}

/** It waits for a kind of device on which it compiles, and says so. */
async function uncompiled(name: string, programs: OwnPrograms): Promise<JobId> {
  const { id } = await publish(server.url, ownJob(name, programs))
  await until('the compilers', async () => (await server.job(id)).why.code === 'not_compiling')
  return id
}

it('JavaScript that does not compile goes to no more hosts of the kind, and gives up no unit', async () => {
  const id = await uncompiled('javascript-that-does-not-compile', { js: JS })
  expect(await server.job(id)).toMatchObject({
    state: 'running',
    units: { errored: 0, validated: 0 },
    failures: [{ reason: 'compile_error', message: expect.stringContaining(JS_COMPILER) }]
  })
})

it('WGSL that does not compile goes to no host at all', async () => {
  const { id } = await publish(server.url, ownJob('wgsl-that-does-not-compile', { wgsl: WGSL }))
  await until('the verdict', async () => (await server.job(id)).why.code === 'kernel_refused')
  expect(await server.job(id)).toMatchObject({ state: 'cancelled', failures: [] })
  expect((await runCli(['why', id], { PEERCOMPUTE_COORDINATOR: server.url })).stdout).toContain(COMPILER)
})

describe('a published job of which every unit fails says why', () => {
  it.each<[string, OwnPrograms, string, string]>([
    ['a program that throws', { js: "export default () => { throw new Error('no such planet') }" }, 'runtime_error', 'no such planet'],
    ['a program that does not end', { js: 'export default () => { for (;;); }' }, 'timeout', ''],
    ['an output over its declared size', { js: 'export default () => ({ y: new Float32Array(1000) })' }, 'output_too_large', '1000'],
    ['an output under its declared size', { js: 'export default () => ({ y: new Float32Array(0) })' }, 'output_shape', '"y"']
  ])('%s', async (name, programs, reason, message) => {
    const id = await failed(name.toLowerCase().replace(/\W+/g, '-'), programs, {
      limits: { unitSeconds: 0.5, outputBytes: 4, memoryBytes: 1_048_576 }
    })
    expect(await server.job(id)).toMatchObject({
      units: { errored: 2, validated: 0 },
      why: { code: 'job_failed' },
      failures: [
        { reason, units: 2 * HOSTS, message: expect.stringContaining(message) },
        { reason: 'too_many_failures', units: 2 }
      ]
    })
  })
})

describe('the line and the message of the compiler', () => {
  let id: JobId
  beforeAll(async () => {
    id = await uncompiled('wrong-js', { js: JS })
  })

  it('reach the command line', async () => {
    const env = { PEERCOMPUTE_COORDINATOR: server.url }
    expect((await runCli(['show', id], env)).stdout).toContain(`compile_error: ${JS_COMPILER}`)
    const thrown = await failed('thrown', { js: "export default () => { throw new Error('no such planet') }" })
    const watched = await runCli(['watch', thrown], env)
    expect(watched.code).toBe(ERRORS.JOB_FAILED.exit)
    expect(watched.stderr).toContain('peercompute why')
    expect((await runCli(['why', id], env)).stdout).toContain(`compile_error: ${JS_COMPILER}`)
  })

  it('reach the page of the job, and the submit page says them before anything is published', async () => {
    const browser = await launchChromium()
    try {
      const context = await browser.newContext()
      const { page } = await openPage(context, `${server.url}/#/jobs/${id}`)
      await page.getByText(JS_COMPILER).first().waitFor()

      const before = await server.jobIds()
      const { page: submit } = await openPage(context, `${server.url}/#/submit?from=file`)
      await submit.locator('input[type=file]').setInputFiles({ name: 'kernel.wgsl', mimeType: 'text/plain', buffer: Buffer.from(WGSL) })
      await submit
        .getByLabel('Job file, YAML or JSON')
        .fill(
          'peercompute: 1\nname: own\nkernel: { name: own, wgsl: { file: kernel.wgsl, passes: [{ entry: main, grid: [1] }] } }\nunits: 2\noutputs: [{ name: y, type: f32, shape: [1] }]\n'
        )
      await submit.getByText('Kernel, line 5, column 10:').waitFor()
      await submit.getByLabel('Job file, YAML or JSON').fill('peercompute: 1\nname: own\nkernle: n-queens\n')
      await submit.getByText('Line 3, column 1:').waitFor()
      expect(await submit.getByRole('button', { name: /^Publish/ }).isDisabled()).toBe(true)
      expect(await server.jobIds()).toEqual(before)
    } finally {
      await browser.close()
    }
  })
})
