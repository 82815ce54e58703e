/** Memory of a volunteer's page: at rest, and after many units. */
import { launchChromium, lendTab, startServer } from '@peercompute/tests'
import type { Page } from 'playwright-core'
import { until } from '@peercompute/tests'
import { medianRow, singleRow, type Part } from '../bench.ts'
import type { ComputePage } from '../pages/compute-page.ts'
import { pause } from '../time.ts'
import { benchSpec, NO_OP_KERNEL, signedJob, submit } from './bench-job.ts'
import { openComputeTab } from './compute-tab.ts'
import { startFarCoordinator } from './served-pages.ts'

declare const computePage: ComputePage

const IDLE_MS = 10_000
const UNITS = 10_000
const SAMPLES = 4

/** Bytes of JavaScript heap in use after a collection. */
async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  try {
    await session.send('HeapProfiler.enable')
    // what the first frees, finalizers let the second free
    await session.send('HeapProfiler.collectGarbage')
    await session.send('HeapProfiler.collectGarbage')
    return (await session.send('Runtime.getHeapUsage')).usedSize
  } finally {
    await session.detach()
  }
}

export const idleHeap: Part = {
  ids: ['heap.idle'],
  limitSeconds: 180,
  async measure(run) {
    const server = await startServer()
    run.after(() => server.stop())
    const browser = await launchChromium()
    run.after(() => browser.close())
    const { page } = await lendTab(await browser.newContext(), server.url)
    await pause(IDLE_MS)
    const bytes = await heapBytes(page)
    return {
      rows: [singleRow('heap.idle', 'MiB', bytes / 2 ** 20, '<= 80')],
      conditions: [
        `heap.idle: the volunteer page of the dashboard in Chromium ${browser.version()}, lending and without work for ${IDLE_MS / 1_000} s; JavaScript heap of the page in use after a collection`
      ]
    }
  }
}

export const heapGrowth: Part = {
  ids: ['heap.growth'],
  limitSeconds: 240,
  async measure(run) {
    const coordinator = await startFarCoordinator(run, true, 0)
    const { page } = await openComputeTab(run, coordinator.farUrl, 2)
    const compute = async (): Promise<number> => {
      const before = await page.evaluate(() => computePage.accepted())
      await submit(coordinator.url, await signedJob(benchSpec(NO_OP_KERNEL, UNITS), NO_OP_KERNEL))
      await until(`${UNITS} units`, async () => (await page.evaluate(() => computePage.accepted())) >= before + UNITS, 60_000)
      await page.evaluate(() => {
        computePage.forget()
        computePage.takeLongTasks()
      })
      await pause(1_000)
      return heapBytes(page)
    }
    // code is compiled and caches fill up in the first
    let before = await compute()
    const growth: number[] = []
    for (let sample = 0; sample < SAMPLES; sample++) {
      const after = await compute()
      growth.push((after - before) / 1_024)
      run.report(`heap.growth ${growth.at(-1)?.toFixed(0) ?? ''} KiB to ${(after / 2 ** 20).toFixed(1)} MiB`)
      before = after
    }
    return {
      rows: [medianRow('heap.growth', 'KiB', growth, '<= 256')],
      conditions: [`heap.growth: of the page's JavaScript heap after a collection, with each further job of ${UNITS} units`]
    }
  }
}
