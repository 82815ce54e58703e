import type { FrameBox, FrameOutcome } from '@peercompute/worker-client/testing/frame-page'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../harness/browser.ts'
import { lasting } from '../harness/lasting.ts'
import { pageVoice } from '../harness/page-voice.ts'
import { rendererSeconds } from '../harness/renderer-times.ts'
import { serveSandboxApp, type SandboxApp } from '../harness/sandbox-app.ts'
import { until } from '../harness/until.ts'

declare const frameBox: FrameBox

const SLOTS = 2
const HONEST = { js: 'export default ({ unit }) => ({ value: new Uint32Array([unit]) })' }

let app: SandboxApp
let browser: Browser
let page: Page

beforeAll(async () => {
  ;[app, browser] = await Promise.all([serveSandboxApp(), launchChromium()])
  page = await app.open(browser)
})
afterAll(async () => {
  await browser.close()
  app.close()
})

it('a pause ends endless loops within 100 ms, and the next unit has a new frame', async () => {
  await page.evaluate((slots) => frameBox.startLoops(slots), SLOTS)
  expect(await rendererSeconds(browser, 300)).toBeGreaterThan(0.1)
  await page.evaluate(() => {
    frameBox.stopLoops()
  })
  await lasting(100)
  // Two loops whose workers are only terminated go on for two seconds.
  expect(await rendererSeconds(browser, 300)).toBeLessThan(0.05)
  expect(await page.evaluate((job) => frameBox.run(job, 7, 1), HONEST)).toEqual([{ unit: 7, value: [7] }])
})

it('10 000 units that do nothing come out right without a main-thread task over 50 ms', async () => {
  // The first units load the schema and warm the page's own code.
  await page.evaluate((slots) => frameBox.noop(1_000, slots), SLOTS)
  await page.evaluate(() => frameBox.longTasks())
  await page.evaluate((slots) => frameBox.noop(10_000, slots), SLOTS)
  expect(await page.evaluate(() => frameBox.longTasks())).toEqual([])
})

it('a sandbox process that dies takes no innocent unit with it', async () => {
  const doomed = await app.open(browser)
  const { ask } = await pageVoice(doomed)
  const slow =
    'export default ({ unit }) => { let x = 0; for (let i = 0; i < 2e8; i++) x = Math.imul(x, 31) + i | 0; return { value: new Uint32Array([unit + 0 * x]) } }'
  const running = ask<FrameOutcome[]>(`frameBox.run(${JSON.stringify({ js: slow })}, 200, 4)`)
  await until('units run', () => ask<boolean>('frameBox.timesBegun(200) > 0'))
  const frame = doomed.frames().find((each) => each.url().endsWith('/sandbox.html'))
  if (frame === undefined) throw new Error('There is no sandbox frame')
  // It never answers.
  void (await doomed.context().newCDPSession(frame)).send('Page.crash').catch(() => undefined)
  expect(await running).toEqual([200, 201, 202, 203].map((unit) => ({ unit, value: [unit] })))
  expect(await ask('Math.max(...[200, 201, 202, 203].map(frameBox.timesBegun))')).toBe(2)
})
