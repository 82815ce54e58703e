/** The same measurements on two hosts: a headless volunteer's GPU process, and a tab. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { launchChromium, openPage, PAGE_SCRIPT } from '@peercompute/tests'
import { headlessGpuWorker } from '@peercompute/worker-client/node'
import { appPageCsp, sandboxDocument } from '@peercompute/worker-client/sandbox'
import type { GpuPage, GpuPageJob } from '@peercompute/worker-client/testing/gpu-page'
import { preparedJob } from '@peercompute/worker-client/testing/prepared-job'
import type { Run } from '../../bench.ts'
import { bundle } from '../../serve-page.ts'
import type { BarePage } from './bare-page.ts'
import type { BareRequest } from './workload.ts'

declare const gpuPage: GpuPage
declare const barePage: BarePage

/** Length of a slice while nobody looks at the page. */
const SLICE_MS = 10

export interface Computed {
  /** When the value came, in milliseconds of one clock. */
  readonly at: number
  /** What the device took: its own timestamps where it has them. */
  readonly computeMs: number
}

export interface GpuDriver {
  readonly name: string
  /** The adapter's numeric class, and whether it computes on the processor. */
  readonly adapter: string
  /** Rejects when a unit failed. */
  run(job: GpuPageJob, start: number, count: number): Promise<readonly Computed[]>
  /** Returns when it was ordered, in milliseconds of the same clock. */
  lend(gpuShare: number, sliceMs?: number): Promise<number>
  /** When values came of the run that goes on. */
  heard(): Promise<readonly number[]>
  bare(request: BareRequest): Promise<number>
  /** Gaps between the page's frames for so long, in milliseconds. Null where there is no page. */
  readonly frames: ((ms: number) => Promise<readonly number[]>) | null
}

/** The software Vulkan of an installed Chromium will do where there is no graphics card. */
export async function nodeDriver(run: Run): Promise<GpuDriver> {
  const worker = await headlessGpuWorker({ software: true, onAbsent: (why) => run.report(`GPU: ${why}`) })
  if (worker === null) throw new Error('there is no WebGPU adapter')
  run.after(() => worker.stop())
  const software = worker.executor.software && process.env['VK_DRIVER_FILES'] === undefined
  const chromium = '/usr/lib/chromium'
  const bare = fork(join(import.meta.dirname, 'bare-process.ts'), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: software ? { ...process.env, LD_LIBRARY_PATH: chromium, VK_DRIVER_FILES: join(chromium, 'vk_swiftshader_icd.json') } : process.env
  })
  run.after(() => bare.kill('SIGKILL'))
  await once(bare, 'message')
  let computed: Computed[] = []
  return {
    name: 'node',
    adapter: described(worker.executor),
    async run(job, start, count) {
      const now: Computed[] = []
      computed = now
      let failure = ''
      await worker.run(
        { job: preparedJob(job), start, count },
        {
          outcome(outcome) {
            now.push({ at: performance.now(), computeMs: outcome.computeMs })
            if (!outcome.ok) failure = outcome.message
          }
        },
        new AbortController().signal
      )
      if (failure !== '') throw new Error(failure)
      return now
    },
    frames: null,
    lend(gpuShare, sliceMs = SLICE_MS) {
      worker.lend({ gpuShare, sliceMs, cpuSlots: 1 })
      return Promise.resolve(performance.now())
    },
    heard: () => Promise.resolve(computed.map(({ at }) => at)),
    async bare(request) {
      const ended = once(bare, 'exit').then(() => {
        throw new Error('the hand-written loop ended')
      })
      const answer = once(bare, 'message')
      bare.send(request)
      const [ms] = (await Promise.race([answer, ended])) as [number]
      return ms
    }
  }
}

/** `PEERCOMPUTE_CHROMIUM_SWITCHES`: more of Chromium's command line, for a graphics card. */
export async function tabDriver(run: Run): Promise<GpuDriver> {
  const files = await bundle(new URL('./bare-page.ts', import.meta.url))
  const frame = sandboxDocument()
  const server = createServer((request, response) => {
    const script = files.get(request.url ?? '')
    if (request.url === '/sandbox.html') response.writeHead(200, frame.headers).end(frame.html)
    else if (script !== undefined) response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
    else
      response
        .writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': appPageCsp(origin) })
        .end(`<!doctype html><title>Bench</title><script type="module" src="${PAGE_SCRIPT}"></script>`)
  }).listen(0, '127.0.0.1')
  run.after(() => server.close())
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const switches = (process.env['PEERCOMPUTE_CHROMIUM_SWITCHES'] ?? '').split(' ').filter((one) => one !== '')
  const browser = await launchChromium(switches)
  run.after(() => browser.close())
  const { page } = await openPage(await browser.newContext(), origin)
  await page.waitForFunction(() => 'barePage' in globalThis)
  return {
    name: 'tab',
    adapter: described(await page.evaluate(() => gpuPage.executor())),
    async run(job, start, count) {
      const { units } = await page.evaluate(([j, s, c]) => gpuPage.run(j, s, c), [job, start, count] as const)
      const failed = units.find(({ words }) => typeof words === 'string')
      if (failed !== undefined) throw new Error(String(failed.words))
      return units
    },
    frames: (ms) => page.evaluate((time) => barePage.frames(time), ms),
    lend: (gpuShare, sliceMs = SLICE_MS) => page.evaluate((lending) => gpuPage.lend(lending), { gpuShare, sliceMs }),
    heard: async () => (await page.evaluate(() => gpuPage.report())).units.map(({ at }) => at),
    bare: (request) => page.evaluate((asked) => barePage.loop(asked), request)
  }
}

function described({ numericClass, software }: { readonly numericClass: string; readonly software: boolean }): string {
  return `${numericClass}${software ? ' (software)' : ''}`
}
