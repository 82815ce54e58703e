/**
 * The path on which the project's ancestor stopped, walked by two real browsers: relay connection → discovery → circuit → WebRTC →
 * ledger. Each step is seen to happen in both pages, in its place, and timed.
 */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium } from '../harness/browser.ts'
import { converged, createLab, meshed } from '../harness/lab.ts'
import { servePeerPages, type PeerPage, type PeerPages } from '../harness/peer-page.ts'
import type { Step } from '../harness/peer/timeline.ts'
import { until } from '../harness/until.ts'

const lab = createLab()
let browser: Browser
let pages: PeerPages

beforeAll(async () => {
  ;[browser, pages] = await Promise.all([launchChromium(), servePeerPages()])
  lab.after(() => pages.close())
  lab.after(() => browser.close())
})
afterAll(() => lab.end())

async function reached(page: PeerPage, step: Step): Promise<number> {
  return until(`the step "${step}"`, async () => (await page.call('timeline')).find((moment) => moment.step === step)?.at)
}

it('two browsers find each other through a relay, connect directly, and hold one ledger', async () => {
  const relay = await lab.relay()
  const one = await pages.open(browser, { relays: [relay.address], dialPeers: false })
  const two = await pages.open(browser, { relays: [relay.address], dialPeers: false })

  for (const page of [one, two]) {
    const [connected, reserved, discovered] = [
      await reached(page, 'relay'),
      await reached(page, 'reserved'),
      await reached(page, 'discovered')
    ]
    expect(connected).toBeLessThanOrEqual(reserved)
    expect(connected).toBeLessThan(discovered)
    expect(await page.call('addresses')).toContainEqual(expect.stringContaining(`/p2p/${relay.peer}/p2p-circuit`))
  }
  await until('each knows the other', async () => (await one.call('known')).includes(two.id) && (await two.call('known')).includes(one.id))

  await one.call('dial', two.id, 'circuit', 10_000)
  await reached(two, 'circuit')
  expect(await one.call('connections')).toContainEqual(expect.objectContaining({ peer: two.id, path: 'circuit', status: 'open' }))

  const dialMs = await one.call('dial', two.id, 'webrtc', 10_000)
  await reached(two, 'webrtc')
  for (const [page, other, direction] of [
    [one, two, 'outbound'],
    [two, one, 'inbound']
  ] as const) {
    expect(await page.call('connections')).toContainEqual(
      expect.objectContaining({ peer: other.id, path: 'webrtc', direction, status: 'open' })
    )
  }

  // The relay is gone: what comes now came over WebRTC alone.
  await relay.kill()
  await until('both have lost the relay', async () => {
    const paths = (await Promise.all([one, two].map((page) => page.call('connections')))).flat().map(({ path }) => path)
    return paths.every((path) => path === 'webrtc')
  })
  const started = performance.now()
  await one.call('append', 100)
  await two.call('append', 100)
  const held = await converged('both hold both feeds', [one, two], 202)
  const ledgerMs = Math.round(performance.now() - started)
  expect(held.map(({ delivered, offences }) => ({ delivered, offences }))).toEqual(Array(2).fill({ delivered: 202, offences: 0 }))

  for (const [name, page] of Object.entries({ one, two })) {
    const steps = (await page.call('timeline')).map(({ step, at }) => `${step} ${at}`).join(', ')
    process.stdout.write(`page ${name}, ms since it was opened: ${steps}\n`)
    expect(page.complaints.filter((text) => !/WebSocket connection to/.test(text))).toEqual([])
  }
  process.stdout.write(`WebRTC dial ${Math.round(dialMs)} ms, 200 records both ways over it ${ledgerMs} ms\n`)
}, 60_000)

it('a peer that reloads is found again, and has the ledger again', async () => {
  const relay = await lab.relay()
  const context = await browser.newContext()
  const stays = await pages.open(browser, { relays: [relay.address] })
  const before = await pages.open(browser, { relays: [relay.address] }, context)
  await meshed([stays, before])
  await before.call('append', 10)
  await converged('both hold it', [stays, before], 11)
  await before.close()
  const after = await pages.open(browser, { relays: [relay.address] }, context)
  await meshed([stays, after])
  await after.call('append', 10)
  await converged('both hold all', [stays, after], 22)
  expect(after.id).not.toBe(before.id)
}, 60_000)
