/** The sandbox with programs that behave, fail, hang and flood. Whether anything gets out: tests/security/sandbox-escapes.test.ts. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { appPageCsp, sandboxDocument } from '@peercompute/worker-client/sandbox'
import type { PageJob, PageOutcome, SandboxPage } from '@peercompute/worker-client/testing/sandbox-page'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium, openPage } from '../harness/browser.ts'
import { bundlePage, PAGE_SCRIPT } from '../harness/bundle-page.ts'

declare const sandbox: SandboxPage

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('the sandbox in Chromium', () => {
  let browser: Browser
  let page: Page
  let origin: string
  let app: Server

  beforeAll(async () => {
    const scripts = await bundlePage('@peercompute/worker-client/testing/sandbox-page')
    const frame = sandboxDocument()
    app = createServer((request, response) => {
      const script = scripts.get(request.url ?? '')
      if (request.url === '/sandbox.html') response.writeHead(200, frame.headers).end(frame.html)
      else if (script !== undefined) response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
      else if (request.url === '/lenient.html')
        response
          .writeHead(200, { 'Content-Type': 'text/html' })
          .end(`<!doctype html><title>Any frame</title><body><script type="module" src="${PAGE_SCRIPT}"></script></body>`)
      else if (request.url === '/deaf.html')
        response.writeHead(200, { 'Content-Type': 'text/html' }).end('<script>parent.postMessage([{ type: "ready" }], "*")</script>')
      else if (request.url === '/rude.html')
        response
          .writeHead(200, { 'Content-Type': 'text/html' })
          .end('<script>parent.postMessage([{ type: "ready", more: 1 }], "*")</script>')
      else if (request.url === '/')
        response
          .writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': appPageCsp(origin) })
          .end(`<!doctype html><title>App</title><script type="module" src="${PAGE_SCRIPT}"></script>`)
      else response.writeHead(404).end()
    })
    origin = await listen(app)
    browser = await launchChromium()
    page = (await openPage(await browser.newContext(), origin)).page
    await page.waitForFunction(() => 'sandbox' in globalThis)
  })
  afterAll(async () => {
    await browser.close()
    app.close()
  })

  function run(kind: 'js' | 'wasm' | 'webgpu', job: PageJob, start: number, count: number): Promise<PageOutcome[]> {
    return page.evaluate(([k, j, s, c]) => sandbox.run(k, j, s, c), [kind, job, start, count] as const)
  }

  it('computes a JavaScript kernel', async () => {
    const outcomes = await run(
      'js',
      { js: 'export default ({ unit, params }) => ({ value: new Uint32Array([unit * params.k]) })', params: { k: 3 } },
      10,
      50
    )
    expect(outcomes).toEqual(Array.from({ length: 50 }, (_, i) => ({ unit: i + 10, value: [(i + 10) * 3] })))
  })

  it('computes a WASM kernel, through a trap and an error code', async () => {
    const outcomes = await run('wasm', { wasm: true, params: { z: 100, a: [10, 0] } }, 0, 6)
    expect(outcomes).toEqual([
      { unit: 0, value: [100] },
      { unit: 1, value: [110] },
      { unit: 2, value: [120] },
      { unit: 3, reason: 'runtime_error', message: 'RuntimeError: unreachable' },
      { unit: 4, reason: 'runtime_error', message: 'compute returned 7' },
      { unit: 5, value: [150] }
    ])
  })

  it('computes a WebGPU kernel', async () => {
    const wgsl = `
      struct Params { k: u32 }
      @group(1) @binding(0) var<uniform> params: Params;
      @group(1) @binding(1) var<storage, read_write> value: array<u32>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
        let i = id.x + launch.offset.x;
        if (i < launch.size.x) { value[i] = i * params.k + launch.unit; }
      }`
    const job: PageJob = {
      wgsl,
      params: { k: 7 },
      passes: [{ entry: 'main', grid: [1_000, 1, 1], repeat: 1 }],
      outputs: [{ name: 'value', type: 'u32', shape: [1_000] }]
    }
    const outcomes = await run('webgpu', job, 0, 5)
    expect(outcomes).toEqual(
      Array.from({ length: 5 }, (_, unit) => ({ unit, value: Array.from({ length: 1_000 }, (__, i) => i * 7 + unit) }))
    )
    expect(await page.evaluate(() => sandbox.executor('webgpu'))).toMatchObject({ kind: 'webgpu', software: true })
  })

  it("gives the line and message of a WGSL error in the researcher's own numbering", async () => {
    const wgsl =
      '// a comment\n@group(1) @binding(0) var<storage, read_write> value: array<u32>;\n@compute @workgroup_size(1) fn main() {\n  value[0] = missing;\n}\n'
    const [outcome] = await run('webgpu', { wgsl }, 0, 1)
    expect(outcome).toMatchObject({ reason: 'compile_error', message: expect.stringMatching(/^line 4:14: .*missing/) as string })
  })

  it('kills a hot loop, leaves the page alive, and runs the next unit within 5 s', async () => {
    const beating = page.evaluate(() => sandbox.heartbeats(1_500))
    const started = Date.now()
    const outcomes = await run(
      'js',
      {
        js: 'export default ({ unit }) => { while (unit === 0) {} return { value: new Uint32Array([unit]) } }',
        limits: { unitSeconds: 1 }
      },
      0,
      3
    )
    const took = Date.now() - started
    expect(outcomes).toEqual([
      { unit: 0, reason: 'timeout', message: 'The unit took longer than 1 s' },
      { unit: 1, value: [1] },
      { unit: 2, value: [2] }
    ])
    expect(took).toBeLessThan(6_000)
    expect(await beating).toBeGreaterThan(0.8)
  })

  it('reports a throw, a syntax error with its line, and a wrong output', async () => {
    expect(await run('js', { js: 'export default () => { throw new Error("no") }' }, 0, 1)).toEqual([
      { unit: 0, reason: 'runtime_error', message: 'Error: no' }
    ])
    expect(await run('js', { js: '//\n//\nexport default () => { let let = 1 }' }, 0, 1)).toMatchObject([
      { unit: 0, reason: 'compile_error', message: expect.stringMatching(/^line 3: /) as string }
    ])
    expect(await run('js', { js: 'export default () => ({ value: [1] })' }, 0, 1)).toMatchObject([{ reason: 'output_shape' }])
  })

  it('ends a program that floods', async () => {
    const [outcome] = await run(
      'js',
      { js: 'export default () => { for (let i = 0; i < 1e5; i++) postMessage({ type: "loaded" }); for (;;); }' },
      0,
      1
    )
    expect(outcome).toMatchObject({ reason: 'runtime_error' })
  })

  it('gives up a frame that stops answering, or that says what is no message', async () => {
    const lenient = (await openPage(await browser.newContext(), `${origin}/lenient.html`)).page
    await lenient.waitForFunction(() => 'sandbox' in globalThis)
    expect(await lenient.evaluate(() => sandbox.probeAt('/deaf.html'))).toContain('The sandbox stopped answering')
    expect(await lenient.evaluate(() => sandbox.probeAt('/rude.html'))).toContain('a message of the wrong form')
  })

  it('leaves no frame behind, however often a volunteer starts and stops', async () => {
    const fresh = (await openPage(await browser.newContext(), origin)).page
    await fresh.waitForFunction(() => 'sandbox' in globalThis)
    for (let time = 0; time < 2; time++) {
      expect(await fresh.evaluate(() => sandbox.framesOfVolunteer())).toEqual({ running: 1, stopped: 0 })
    }
    await fresh.context().close()
  })
})
