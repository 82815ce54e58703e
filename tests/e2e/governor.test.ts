/** The owner's wishes in a real tab: each takes effect on the work at once, and the page says why it rests and what to do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium, lendTab, runCli, startServer, until, type TestServer, type VolunteerPage } from '../harness/index.ts'
import { startCli } from '../harness/process.ts'
import { launchHidingBrowser, type HidingBrowser } from '../harness/hiding-browser.ts'
import { press, says } from './parts/page-hands.ts'

const JOB = `peercompute: 1
name: coast
title: More tiles than anybody computes here
kernel: mandelbrot
params: { columns: 64, rows: 48, maxIterations: 4000 }
verification: { quorum: 1, independence: executor }
`
const REST_HIDDEN = 'This tab is hidden and set to rest when hidden.'
const COMPUTES = /^Your computer (just finished|is on its first) tile/

let server: TestServer
let browser: Browser
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-governor-'))
  writeFileSync(join(folder, 'job.yaml'), JOB)
  ;[server, browser] = await Promise.all([startServer(), launchChromium()])
  const published = await runCli(['submit', folder, '--coordinator', server.url, '--json'], { XDG_CONFIG_HOME: folder })
  expect(published.code, published.stderr).toBe(0)
})
afterAll(async () => {
  await browser.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Hours three days from now. */
const away = `${['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][(new Date().getDay() + 3) % 7] ?? 'mon'} 9:00-17:00`
const row = (page: Page, part: RegExp) => page.locator('tr', { has: page.getByRole('rowheader', { name: part }) })
const cell = async (page: Page, part: RegExp, column: string): Promise<string> =>
  (await row(page, part).locator(`td[data-l="${column}"]`).first().innerText()).replaceAll('\u00a0', ' ').trim()
const lent = (page: Page, part: RegExp, words: string) =>
  until(`${String(part)} lends "${words}"`, async () => (await cell(page, part, 'Lent now')) === words)
const GPU = /^Graphics/
const CPU = /^Processor/
const goesOn = async (tab: VolunteerPage, what: string) => {
  const before = await tab.tilesDone()
  await until(`more tiles ${what}`, async () => (await tab.tilesDone()) > before, 60_000)
}
const notice = (page: Page, words: string) => page.locator('.notice', { hasText: words })

/** A battery in the hands of the test, where the browser has its own. */
async function withBattery(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const battery = Object.assign(new EventTarget(), { charging: true, level: 0.64 })
    Object.assign(globalThis, { testBattery: battery })
    Object.defineProperty(Navigator.prototype, 'getBattery', { value: () => Promise.resolve(battery) })
  })
}
const unplug = (page: Page, state: { readonly charging: boolean; readonly level: number }) =>
  page.evaluate((next) => {
    const battery = Object.assign(Reflect.get(globalThis, 'testBattery') as EventTarget, next)
    battery.dispatchEvent(new Event('chargingchange'))
  }, state)

describe('a tab that is governed', () => {
  it('lends what the sliders say, at once, rests the graphics card alone, keeps the hours, and heeds the battery', async () => {
    const context = await browser.newContext()
    await withBattery(context)
    const tab = await lendTab(context, server.url)
    const { page } = tab
    await says(page, COMPUTES)

    // Everything first, so that a stuttering test machine takes nothing back.
    await press(page, /^Everything/)
    await lent(page, GPU, 'all of it')
    await page.getByLabel('Graphics card', { exact: true }).fill('20')
    await lent(page, GPU, '20 % of the time')
    await page.getByLabel('Processor', { exact: true }).fill('1')
    await lent(page, CPU, 'up to 1 thread')
    await goesOn(tab, 'at a smaller share')

    await page.getByLabel(/^Rest the graphics card/).check()
    await lent(page, GPU, 'nothing')
    await notice(page, 'Your graphics card rests, because you paused it.').getByText('Lend it again').waitFor()
    await until('the card has nothing in hand', async () => (await cell(page, GPU, 'Tiles in hand')) === '0')
    // What the card had computed before is counted by the time the page tells of anything newer.
    await goesOn(tab, 'of the processor')
    const cardBefore = await cell(page, GPU, 'Tiles done')
    await goesOn(tab, 'of the processor alone')
    expect(await cell(page, GPU, 'Tiles done')).toBe(cardBefore)
    await page.getByLabel(/^Rest the graphics card/).uncheck()
    await lent(page, GPU, '20 % of the time')

    await page.getByLabel(/^Only at certain hours/).check()
    const words = page.getByLabel('The same in words')
    await words.fill('evenings')
    await words.blur()
    await page.getByRole('alert').getByText('"evenings" is').waitFor()
    await words.fill(away)
    await words.blur()
    await says(page, 'It is outside the hours that you set.')
    await until('nothing in hand', async () => (await tab.tilesInHand()) === 0)

    await unplug(page, { charging: false, level: 0.64 })
    await says(page, 'On battery, so it rests.')
    await notice(page, 'It is outside the hours that you set.').getByText('change the hours').waitFor()
    await page.getByLabel('On battery').selectOption('gpu_off')
    await says(page, 'It is outside the hours that you set.')
    await words.fill('mon-sun')
    await words.blur()
    await says(page, COMPUTES)
    await notice(page, 'Your graphics card rests, because you are on battery.').waitFor()
    await unplug(page, { charging: false, level: 0.15 })
    await says(page, 'The battery is low, so it rests.')
    await unplug(page, { charging: true, level: 0.15 })
    await says(page, COMPUTES)

    // Kept over a reload, and shown before anything is started.
    await page.reload()
    expect(await page.getByLabel('Graphics card', { exact: true }).inputValue()).toBe('20')
    expect(await page.getByLabel('On battery').inputValue()).toBe('gpu_off')
    await context.close()
  })

  it('has hours that are changed by keys', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${server.url}/#/`)
    await page.getByLabel(/^Only at certain hours/).check()
    const first = page.getByRole('button', { name: 'Monday 0:00 to 1:00', exact: true })
    await first.focus()
    await page.keyboard.press('Space')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Space')
    expect(await page.getByLabel('The same in words').inputValue()).toBe('mon 1:00-24:00, tue 0:00-1:00, tue 2:00-24:00, wed-sun')
    await page.getByRole('button', { name: 'Tuesday 2:00 to 3:00', exact: true }).hover()
    await page.mouse.down()
    await page.getByRole('button', { name: 'Tuesday 5:00 to 6:00', exact: true }).hover()
    await page.mouse.up()
    expect(await page.getByLabel('The same in words').inputValue()).toContain('tue 0:00-1:00, tue ')
    expect(await page.getByRole('button', { name: 'Tuesday 5:00 to 6:00', exact: true }).getAttribute('aria-pressed')).toBe('false')
    await context.close()
  })
})

it('a headless volunteer keeps the hours and the share that its owner names', async () => {
  const args = ['volunteer', '--coordinator', server.url, '--data', join(folder, 'headless'), '--json', '--no-gpu', '--cores', '1']
  const volunteer = startCli([...args, '--schedule', away])
  await volunteer.line(/"state":"suspended","reason":"outside_schedule"/, 60_000)
  await volunteer.end()
  const refused = await runCli([...args, '--schedule', 'weekends'])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('is no day. The days are mon')
})

it('the page paints before anything heavy is loaded', async () => {
  const page = await (await browser.newContext()).newPage()
  const scripts: Promise<Buffer>[] = []
  page.on('response', (response) => {
    if (response.request().resourceType() === 'script') scripts.push(response.body())
  })
  await page.goto(`${server.url}/#/`)
  await page.getByRole('heading', { level: 2, name: 'What you lend' }).waitFor()
  const kibibytes = (await Promise.all(scripts)).reduce((sum, body) => sum + gzipSync(body).length, 0) / 1_024
  expect(kibibytes).toBeGreaterThan(20)
  expect(kibibytes).toBeLessThan(130)
  await page.context().close()
})

describe('a tab behind others', () => {
  let desk: HidingBrowser
  beforeAll(async () => {
    desk = await launchHidingBrowser()
  })
  afterAll(() => desk.close())

  it('computes on and keeps what it holds, unless it is set to rest; shown again, it goes on', async () => {
    const tab = await lendTab(desk.window, server.url)
    await goesOn(tab, 'in view')
    const front = await desk.window.newPage()
    await front.bringToFront()
    await until('the tab is hidden', () => tab.page.evaluate(() => document.visibilityState === 'hidden'))
    await goesOn(tab, 'behind another tab')
    await goesOn(tab, 'still behind it')

    // Set in another tab of the profile: it takes effect in the one that computes.
    await front.goto(`${server.url}/#/`)
    await front.getByLabel(/^Rest while this tab is hidden/).check()
    await says(tab.page, REST_HIDDEN)
    await says(front, REST_HIDDEN)
    await until('nothing in hand', async () => (await tab.tilesInHand()) === 0)
    await tab.page.bringToFront()
    await says(tab.page, COMPUTES)
    await goesOn(tab, 'shown again')
  })
})
