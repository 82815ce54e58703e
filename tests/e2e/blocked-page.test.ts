import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../harness/browser.ts'
import { converged, createLab, meshed, reaches } from '../harness/lab.ts'
import { servePeerPages, type PeerPages } from '../harness/peer-page.ts'

const BLOCKED_MS = 20_000

const lab = createLab()
let browser: Browser
let pages: PeerPages

beforeAll(async () => {
  ;[browser, pages] = await Promise.all([launchChromium(), servePeerPages()])
  lab.after(() => pages.close())
  lab.after(() => browser.close())
})
afterAll(() => lab.end())

it('a page whose main thread was blocked for 20 s has its relay, its peers and everything that it missed', async () => {
  const relay = await lab.relay()
  const other = await lab.peer({ relays: [relay.address] })
  const page = await pages.open(browser, { relays: [relay.address] })
  await meshed([other, page])
  const blocked = page.call('block', BLOCKED_MS)
  await other.call('append', 50)
  await blocked
  const free = performance.now()
  await reaches(page, relay, 30_000)
  await converged('what was written meanwhile', [other, page], 51, 30_000)
  process.stdout.write(`back ${Math.round(performance.now() - free)} ms after 20 s of a blocked main thread\n`)
  await page.call('append', 1)
  const held = await converged('both ways', [other, page], 53, 30_000)
  expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(2).fill({ delivered: 53, offences: 0 }))
})
