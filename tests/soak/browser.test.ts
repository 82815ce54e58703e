import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../harness/browser.ts'
import { launchHidingBrowser } from '../harness/hiding-browser.ts'
import { converged, createLab, reaches, type LabPeer } from '../harness/lab.ts'
import { lasting } from '../harness/lasting.ts'
import { servePeerPages, type PeerPage, type PeerPages } from '../harness/peer-page.ts'
import type { TestRelay } from '../harness/relay-process.ts'
import { until } from '../harness/until.ts'

const MINUTE_MS = 60_000

const lab = createLab()
let browser: Browser
let pages: PeerPages
let relay: TestRelay
let writer: LabPeer

beforeAll(async () => {
  ;[browser, pages, relay] = await Promise.all([launchChromium(), servePeerPages(), lab.relay()])
  lab.after(() => pages.close())
  lab.after(() => browser.close())
  writer = await lab.peer({ relays: [relay.address], webRtc: false })
  await reaches(writer, relay)
})
afterAll(() => lab.end())

/** One record a minute arrives everywhere within 5 s, and nobody's connection to the relay closes. */
async function holdsFor(minutes: number, watched: readonly PeerPage[]): Promise<void> {
  await Promise.all(watched.map((page) => reaches(page, relay)))
  await writer.call('append', 1)
  await converged('the start', [writer, ...watched], (await writer.call('ledger')).records, 30_000)
  const closedBefore = await Promise.all(watched.map(async (page) => (await page.call('closed')).length))
  for (let minute = 1; minute <= minutes; minute += 1) {
    await lasting(MINUTE_MS)
    await writer.call('append', 1)
    await converged(`the record of minute ${minute}`, [writer, ...watched], (await writer.call('ledger')).records, 5_000)
  }
  expect(await Promise.all(watched.map(async (page) => (await page.call('closed')).length))).toEqual(closedBefore)
}

it('a visible and a hidden tab keep their idle relay connection for 10 minutes', async () => {
  const desk = await launchHidingBrowser()
  lab.after(() => desk.close())
  const options = { relays: [relay.address], dialPeers: false }
  const hidden = await pages.open(desk.browser, options, desk.window)
  const visible = await pages.open(desk.browser, options, desk.window)
  await visible.page.bringToFront()
  const isHidden = () => hidden.page.evaluate(() => document.visibilityState === 'hidden')
  await until('one tab is hidden', isHidden)
  await holdsFor(Number(process.env['PEERCOMPUTE_SOAK_MINUTES'] ?? 10), [visible, hidden])
  expect(await isHidden()).toBe(true)
})

it('a tab whose workers keep every core busy for 5 minutes loses no connection', async () => {
  const page = await pages.open(browser, { relays: [relay.address], dialPeers: false })
  const workers = await page.page.evaluate(() => {
    const source = URL.createObjectURL(new Blob(['for (;;);'], { type: 'text/javascript' }))
    return Array.from({ length: navigator.hardwareConcurrency }, () => new Worker(source)).length
  })
  expect(workers).toBeGreaterThan(0)
  await holdsFor(5, [page])
  await page.close()
})
