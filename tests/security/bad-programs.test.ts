/** Every bad program ends as a reported failure of its unit, and the next good unit is right: in Chromium's sandbox and in the headless cage. */
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { nodeCpuWorker, openCage, type CagePool, type ComputeWorker } from '@peercompute/worker-client/node'
import { appPageCsp, sandboxDocument } from '@peercompute/worker-client/sandbox'
import { preparedJob, runUnits, type TestJob } from '@peercompute/worker-client/testing/prepared-job'
import type { PageJob, PageOutcome, SandboxPage } from '@peercompute/worker-client/testing/sandbox-page'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium, openPage } from '../harness/browser.ts'
import { bundlePage, PAGE_SCRIPT } from '../harness/bundle-page.ts'
import { BAD_ANSWERS, BAD_PROGRAMS, type BadProgram } from './parts/bad-programs.ts'

declare const sandbox: SandboxPage

type Ended = { readonly reason: string; readonly message: string } | { readonly value: readonly number[] }

/** Right after bad neighbours, whatever they left behind: state in the worker, globals, prototypes. */
const GOOD: Readonly<Record<'js' | 'wasm', TestJob>> = {
  js: { js: 'export default ({ unit }) => ({ value: Uint32Array.of([unit, 1, 2].map((x) => x * 2).reduce((a, b) => a + b)) })\n' },
  wasm: {
    ...BAD_PROGRAMS.find(({ what }) => what === 'an exit code')?.job,
    wasi: { arguments: ['echo', '{unit}ab'], outputs: { value: { from: 'stdout', as: 'binary' } } }
  }
}
const GOOD_VALUE = { js: [16], wasm: [0x7c626135] }

/** Those that have to be ended by force, or that speak out of turn: the next unit follows each of them. */
function isStopped({ reason, orReason }: BadProgram): boolean {
  return [reason, orReason].some((end) => end === 'timeout' || end === 'out_of_memory')
}

/** Before anything of it runs, by our own reading of its bytes: the same code wherever it is, so the cage alone shows it. */
function isNeverStarted({ kind, reason }: BadProgram): boolean {
  return kind === 'wasm' && reason === 'compile_error'
}

function expectEnd({ what, reason, orReason, message }: BadProgram, ended: Ended | undefined): void {
  if (ended === undefined || !('reason' in ended)) throw new Error(`${what} was not refused: ${JSON.stringify(ended)}`)
  expect([reason, orReason], `${what}: ${ended.message}`).toContain(ended.reason)
  if (ended.reason === reason) expect(ended.message).toMatch(message)
  expect(ended.message.length).toBeLessThanOrEqual(2_000)
}

describe('bad programs in the headless cage', () => {
  let cage: CagePool
  const workers = new Map<string, ComputeWorker>()

  beforeAll(async () => {
    const opened = await openCage()
    if (opened.kind === null) throw new Error(opened.why)
    cage = opened
    for (const kind of ['js', 'wasm'] as const) workers.set(kind, await nodeCpuWorker({ kind, slots: 1, cage }))
  })
  afterAll(async () => {
    await Promise.all([...workers.values()].map((worker) => worker.stop()))
    await cage.close()
  })

  async function run(kind: 'js' | 'wasm', job: TestJob): Promise<Ended | undefined> {
    const worker = workers.get(kind)
    if (worker === undefined) throw new Error(`No ${kind} worker`)
    const [outcome] = await runUnits(worker, preparedJob(job), 5, 1)
    return outcome?.ok === true ? { value: [...new Uint32Array(outcome.value.slice().buffer)] } : outcome
  }

  it.each(BAD_PROGRAMS.map((program) => [program.what, program] as const))('%s', async (_, program) => {
    expectEnd(program, await run(program.kind, program.job))
    if (isStopped(program)) expect(await run(program.kind, GOOD[program.kind])).toEqual({ value: GOOD_VALUE[program.kind] })
  })

  it.each(['js', 'wasm'] as const)('and after all of them good %s is right', async (kind) => {
    expect(await run(kind, GOOD[kind])).toEqual({ value: GOOD_VALUE[kind] })
  })
})

describe('bad programs in the sandbox of Chromium', () => {
  let browser: Browser
  let page: Page
  let server: Server

  beforeAll(async () => {
    const scripts = await bundlePage('@peercompute/worker-client/testing/sandbox-page')
    const frame = sandboxDocument()
    let origin = ''
    server = createServer((request, response) => {
      const script = scripts.get(request.url ?? '')
      if (request.url === '/sandbox.html') response.writeHead(200, frame.headers).end(frame.html)
      else if (script !== undefined) response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
      else if (request.url === '/')
        response
          .writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': appPageCsp(origin) })
          .end(`<!doctype html><title>App</title><script type="module" src="${PAGE_SCRIPT}"></script>`)
      else response.writeHead(404).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await launchChromium()
    page = (await openPage(await browser.newContext(), origin)).page
    await page.waitForFunction(() => 'sandbox' in globalThis)
  })
  afterAll(async () => {
    await browser.close()
    server.close()
  })

  async function run(kind: 'js' | 'wasm', { wasm, inputs: _inputs, ...job }: TestJob): Promise<PageOutcome | undefined> {
    const sent: PageJob = { ...job, ...(wasm === undefined ? {} : { wasm: Buffer.from(wasm).toString('base64') }) }
    return (await page.evaluate(([k, j]) => sandbox.run(k, j, 5, 1), [kind, sent] as const))[0]
  }

  it('whatever a kernel throws or returns, its unit fails with a sentence, and the worker goes on', async () => {
    for (const program of BAD_ANSWERS) expectEnd(program, await run(program.kind, program.job))
    expect(await run('js', GOOD.js)).toMatchObject({ value: GOOD_VALUE.js })
  })

  const running = BAD_PROGRAMS.filter((program) => !isNeverStarted(program))
  it.each(running.map((program) => [program.what, program] as const))('%s', async (_, program) => {
    const beats = await page.evaluate(() => sandbox.beats())
    const begun = performance.now()
    expectEnd(program, await run(program.kind, program.job))
    if (isStopped(program)) expect(await run(program.kind, GOOD[program.kind])).toMatchObject({ value: GOOD_VALUE[program.kind] })
    // A quarter of the heartbeats that were due: the processors are busy too.
    expect(await page.evaluate(() => sandbox.beats())).toBeGreaterThanOrEqual(beats + Math.floor((performance.now() - begun) / 200))
  })

  it.each(['js', 'wasm'] as const)('and after all of them good %s is right', async (kind) => {
    expect(await run(kind, GOOD[kind])).toMatchObject({ value: GOOD_VALUE[kind] })
  })
})
