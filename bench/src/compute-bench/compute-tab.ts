/** Tabs that run pages/compute-page.ts. */
import { launchChromium, openPage } from '@peercompute/tests'
import type { Browser, Page } from 'playwright-core'
import type { Run } from '../bench.ts'
import type { ComputePage } from '../pages/compute-page.ts'

declare const computePage: ComputePage

export interface ComputeTab {
  readonly browser: Browser
  readonly page: Page
  readonly complaints: readonly string[]
}

/** A volunteer in a new Chromium that has measured its executors and asks for work. */
export async function openComputeTab(run: Run, url: string, slots: number): Promise<ComputeTab> {
  const browser = await launchChromium()
  run.after(() => browser.close())
  const { page, complaints } = await openPage(await browser.newContext(), url)
  await page.waitForFunction(() => 'computePage' in globalThis)
  await page.evaluate((cores) => computePage.start(cores), slots)
  return { browser, page, complaints }
}
