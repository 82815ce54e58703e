/** S4: every bad kernel ends within two seconds as an error with a reason, or harmlessly; the page lives on and the next kernel is right. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { appPageCsp, sandboxDocument } from '@peercompute/worker-client/sandbox'
import type { PageJob, SandboxPage } from '@peercompute/worker-client/testing/sandbox-page'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium, openPage } from '../harness/browser.ts'
import { bundlePage, PAGE_SCRIPT } from '../harness/bundle-page.ts'
import { BAD_KERNELS } from './parts/bad-kernels.ts'

declare const sandbox: SandboxPage
/** Longest time without a heartbeat of the page, in ms. */
declare let longestGap: number

const END_MS = 2_000
/** The page's heart beats every 50 ms, on cores that it shares with the software GPU. */
const GAP_MS = 1_000
const OUTPUT = [{ name: 'value', type: 'u32' as const, shape: [4] }]
const GOOD: PageJob = {
  wgsl: `@group(1) @binding(0) var<storage, read_write> value: array<u32>;
    @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) {
      var sum = 0u;
      for (var i = 0u; i <= id.x + launch.offset.x; i++) { sum += i; }
      value[id.x + launch.offset.x] = sum + launch.unit;
    }`,
  passes: [{ entry: 'main', grid: [4, 1, 1], repeat: 1 }],
  outputs: OUTPUT
}

describe('bad kernels in Chromium', () => {
  let browser: Browser
  let page: Page
  let server: Server

  beforeAll(async () => {
    const scripts = await bundlePage('@peercompute/worker-client/testing/sandbox-page')
    const frame = sandboxDocument()
    server = createServer((request, response) => {
      const script = scripts.get(request.url ?? '')
      if (request.url === '/sandbox.html') response.writeHead(200, frame.headers).end(frame.html)
      else if (script !== undefined) response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
      else
        response
          .writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': appPageCsp(`http://${request.headers.host ?? ''}`) })
          .end(`<!doctype html><title>App</title><script type="module" src="${PAGE_SCRIPT}"></script>`)
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    browser = await launchChromium()
    page = (await openPage(await browser.newContext(), `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).page
    await page.waitForFunction(() => 'sandbox' in globalThis)
    await page.evaluate(() => {
      let last = performance.now()
      Object.assign(globalThis, { longestGap: 0 })
      setInterval(() => {
        const now = performance.now()
        longestGap = Math.max(longestGap, now - last)
        last = now
      }, 50)
    })
    // Compiles and measures what the first unit would else have to wait for.
    await good()
  })
  afterAll(async () => {
    await browser.close()
    server.close()
  })

  /** Its time is taken inside the page. */
  const run = (job: PageJob) =>
    page.evaluate(async (given) => {
      const started = performance.now()
      const [outcome] = await sandbox.run('webgpu', given, 0, 1)
      return { outcome, ms: performance.now() - started }
    }, job)
  async function good(): Promise<void> {
    expect((await run(GOOD)).outcome).toEqual({ unit: 0, value: [0, 1, 3, 6] })
  }

  it.each(BAD_KERNELS.map((kernel) => [kernel.name, kernel] as const))(
    '%s',
    async (_, { wgsl, end, says, passes, params, outputs = OUTPUT }) => {
      const job: PageJob = {
        wgsl,
        outputs,
        limits: { unitSeconds: 1 },
        ...(passes === undefined ? {} : { passes }),
        ...(params === undefined ? {} : { params })
      }
      const { outcome, ms } = await run(job)
      if (end === 'right') expect(outcome).toMatchObject({ value: expect.arrayContaining([1]) })
      else {
        const reasons = end === 'refused' ? ['compile_error', 'runtime_error'] : ['timeout']
        const sentence = says ?? { refused: /./, fuel: /steps/, timeout: /longer than 1 s|steps/ }[end]
        expect(outcome).toMatchObject({ reason: expect.toBeOneOf(reasons), message: expect.stringMatching(sentence) })
      }
      expect(ms).toBeLessThan(END_MS)
      expect(await page.evaluate(() => longestGap)).toBeLessThan(GAP_MS)
      await good()
    }
  )
})
