/** The WebGPU executor of a tab on Chromium's software adapter: answers, rests, and a graphics process that dies. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { appPageCsp, sandboxDocument } from '@peercompute/worker-client/sandbox'
import type { GpuPage, GpuPageJob, Heard } from '@peercompute/worker-client/testing/gpu-page'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium, openPage } from '../harness/browser.ts'
import { bundlePage, PAGE_SCRIPT } from '../harness/bundle-page.ts'

declare const gpuPage: GpuPage

const WORDS = 256
const WGSL = `
struct Params { rounds: u32 }
@group(1) @binding(0) var<uniform> params: Params;
@group(1) @binding(1) var<storage, read_write> value: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x + launch.offset.x;
  if (i >= launch.size.x) { return; }
  for (var round = 0u; round < params.rounds; round++) { value[i] = value[i] * 747796405u + 2891336453u + launch.unit + i; }
}`

function job(rounds: number, repeat: number): GpuPageJob {
  return {
    wgsl: WGSL,
    params: { rounds },
    passes: [{ entry: 'main', grid: [WORDS, 1, 1], repeat }],
    outputs: [{ name: 'value', type: 'u32', shape: [WORDS] }]
  }
}

function answer(unit: number, rounds: number): number[] {
  return Array.from({ length: WORDS }, (_, i) => {
    let value = 0
    for (let round = 0; round < rounds; round++) value = (Math.imul(value, 747796405) + 2891336453 + unit + i) >>> 0
    return value
  })
}

describe('the WebGPU executor of a tab', () => {
  let server: Server
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    const scripts = await bundlePage('@peercompute/worker-client/testing/gpu-page')
    const frame = sandboxDocument()
    server = createServer((request, response) => {
      const script = scripts.get(request.url ?? '')
      if (request.url === '/sandbox.html') response.writeHead(200, frame.headers).end(frame.html)
      else if (script !== undefined) response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
      else
        response
          .writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': appPageCsp(origin) })
          .end(`<!doctype html><title>App</title><script type="module" src="${PAGE_SCRIPT}"></script>`)
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    // Chromium gives a page no adapter after its graphics process died twice: what is tested is who counts first.
    browser = await launchChromium(['--disable-domain-blocking-for-3d-apis', '--disable-gpu-process-crash-limit'])
    page = (await openPage(await browser.newContext(), origin)).page
    await page.waitForFunction(() => 'gpuPage' in globalThis)
  })
  afterAll(async () => {
    await browser.close()
    server.close()
  })

  const run = (one: GpuPageJob, start: number, count: number): Promise<Heard> =>
    page.evaluate(([j, s, c]) => gpuPage.run(j, s, c), [one, start, count] as const)

  /** Kills Chromium's graphics process, as a driver's crash does. */
  async function killGraphics(): Promise<void> {
    const session = await browser.newBrowserCDPSession()
    const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as { processInfo: { type: string; id: number }[] }
    const graphics = processInfo.find(({ type }) => type === 'GPU')
    if (graphics === undefined) throw new Error('Chromium has no graphics process')
    process.kill(graphics.id, 'SIGKILL')
    await session.detach()
  }

  /** Polls until something was heard of the running range. */
  function heardUntil(what: (heard: Heard) => boolean): Promise<Heard> {
    return expect
      .poll(
        async () => {
          const heard = await page.evaluate(() => gpuPage.report())
          return what(heard) ? heard : null
        },
        { timeout: 60_000, interval: 20 }
      )
      .not.toBeNull()
      .then(() => page.evaluate(() => gpuPage.report()))
  }

  it('computes unit after unit, each the known answer, in order', async () => {
    const { units } = await run(job(20, 2), 0, 60)
    expect(units.map(({ unit }) => unit)).toEqual(Array.from({ length: 60 }, (_, unit) => unit))
    for (const { unit, words } of units) expect(words).toEqual(answer(unit, 40))
  })

  it('rests between two slices when nothing is lent any more, and goes on where it was', async () => {
    const running = run(job(200, 2_000), 0, 1)
    await heardUntil(({ progress }) => progress.some(({ fraction }) => fraction > 0.02))
    const ordered = await page.evaluate(() => gpuPage.lend({ gpuShare: 0 }))
    // Signs of life come each second; two of them with the same fraction mean that nothing was computed between them.
    const resting = await heardUntil(({ progress }) => {
      const after = progress.filter(({ at }) => at > ordered + 900)
      return after.length >= 2 && after.every(({ fraction }) => fraction === after[0]?.fraction)
    })
    expect(resting.units).toEqual([])
    await page.evaluate(() => gpuPage.lend({}))
    const { units } = await running
    expect(units.map(({ words }) => words)).toEqual([answer(0, 400_000)])
  })

  it('computes on after the graphics process died once, and leaves the card alone after the second time', async () => {
    // So many units that the process is killed while some are still to come.
    const running = run(job(200, 1_000), 0, 8)
    await heardUntil(({ progress }) => progress.length > 0)
    await killGraphics()
    const once = await running
    expect(once.units.map(({ words }) => words)).toHaveLength(8)
    for (const { unit, words } of once.units) expect(words).toEqual(answer(unit, 200_000))
    expect(once.unavailable).toBeNull()
    const again = run(job(200, 1_000), 8, 100)
    await heardUntil(({ progress }) => progress.length > 0)
    await killGraphics()
    const twice = await again
    expect(twice.unavailable).toBe('gpu_lost')
    expect(twice.units.every(({ words }) => Array.isArray(words))).toBe(true)
    expect((await run(job(1, 1), 0, 1)).units).toEqual([])
  })
})
