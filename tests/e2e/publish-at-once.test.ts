/** Typing and pressing Publish at once, on a slow machine: what is published is what was typed, never the draft before. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium, openPage, startServer, type TestServer } from '../harness/index.ts'
import { publishFrom } from './parts/page-hands.ts'

/** As a phone against a desktop computer. */
const SLOWER = 6

let server: TestServer
let browser: Browser
beforeAll(async () => {
  ;[server, browser] = await Promise.all([startServer(), launchChromium()])
})
afterAll(async () => {
  await browser.close()
  await server.stop()
})

it.each([6, 7, 8, 9])('a board of %i is published as a board of that size', async (n) => {
  const before = await server.jobIds()
  const { page } = await openPage(await browser.newContext(), `${server.url}/#/submit`)
  await page.getByRole('radio', { name: /queens/i }).check()
  await page.getByText('Kernel compiles').waitFor()
  const button = page.getByRole('button', { name: /^Publish [\d\s]+ units?$/ })
  await button.scrollIntoViewIfNeeded()
  const box = await button.boundingBox()
  if (box === null) throw new Error('the button is not shown')
  const field = page.locator('#p-n')
  await field.selectText()

  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWER })
  // As hands do it: one after the other without looking; Playwright's own click would wait for the button.
  await Promise.all([page.keyboard.type(String(n)), page.mouse.click(box.x + box.width / 2, box.y + box.height / 2)])
  // Either the press took effect, or it fell on a button that was off, and is repeated.
  await Promise.any([page.waitForURL(/#\/jobs\/[0-9a-f]{64}$/), publishFrom(page)])

  const fresh = (await server.jobIds()).filter((id) => !before.includes(id))
  const jobs = await Promise.all(fresh.map((id) => server.job(id)))
  expect(jobs.map(({ spec }) => spec.params['n'])).toEqual([n])
  await page.context().close()
})
