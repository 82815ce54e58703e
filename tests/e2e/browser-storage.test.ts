import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserPage } from '@peercompute/worker-client/testing/browser-page'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchChromium, openPage } from '../harness/browser.ts'
import { bundlePage, PAGE_SCRIPT } from '../harness/bundle-page.ts'

declare const browserPage: BrowserPage

let browser: Browser
let server: Server
let url: string
let profile: BrowserContext

beforeAll(async () => {
  const files = await bundlePage('@peercompute/worker-client/testing/browser-page')
  server = createServer((request, response) => {
    const script = files.get(request.url ?? '')
    if (script !== undefined) response.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
    else response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><script type="module" src="${PAGE_SCRIPT}"></script>`)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  browser = await launchChromium()
})
afterAll(async () => {
  await browser.close()
  server.closeAllConnections()
  await new Promise((resolve) => {
    server.close(resolve)
  })
})
beforeEach(async () => {
  profile = await browser.newContext()
})
afterEach(() => profile.close())

async function tab(): Promise<Page> {
  const { page } = await openPage(profile, url)
  await page.waitForFunction(() => 'browserPage' in globalThis)
  return page
}

describe('the volunteer in a browser profile', () => {
  it('keeps one identity whose host key cannot leave, over reloads and tabs that open together', async () => {
    const first = await tab()
    expect(await first.evaluate(() => browserPage.race())).toBe(1)
    const before = await first.evaluate(() => browserPage.identity())
    expect(before).toMatchObject({ held: true, hostCanLeave: false })
    await first.close()
    expect(await (await tab()).evaluate(() => browserPage.identity())).toEqual(before)
  })

  it('refuses an identity that was tampered with', async () => {
    expect(await (await tab()).evaluate(() => browserPage.spoilIdentity())).toBe('KEY_INVALID')
  })

  it('keeps unanswered results over a closed tab', async () => {
    const first = await tab()
    await first.evaluate(() => browserPage.addReport(5))
    await first.evaluate(() => browserPage.addReport(3))
    await first.close()
    const items = await (await tab()).evaluate(() => browserPage.outbox())
    expect(items.map(({ unit }) => unit).sort()).toEqual([3, 5])
    expect(items.find(({ unit }) => unit === 5)?.value).toEqual([...new Uint8Array(Float64Array.of(10).buffer)])
  })

  it('goes on keeping results when its owner clears the data of the site meanwhile', async () => {
    const page = await tab()
    await page.evaluate(() => browserPage.addReport(5))
    const devTools = await profile.newCDPSession(page)
    await devTools.send('Storage.clearDataForOrigin', { origin: new URL(url).origin, storageTypes: 'indexeddb' })
    expect(await page.evaluate(() => browserPage.outbox())).toEqual([])
    await page.evaluate(() => browserPage.addReport(6))
    expect((await page.evaluate(() => browserPage.outbox())).map(({ unit }) => unit)).toEqual([6])
  })

  it('keeps the ledger over a closed tab, and goes on with its own feed', async () => {
    const first = await tab()
    const before = await first.evaluate(() => browserPage.publish(1))
    expect(before.heads).toMatchObject([{ length: 2 }])
    await first.close()
    const second = await tab()
    expect(await second.evaluate(() => browserPage.ledger())).toEqual(before)
    const after = await second.evaluate(() => browserPage.publish(2))
    expect(after.heads).toEqual([{ epoch: before.heads[0]?.epoch, length: 3 }])
    await second.close()
    expect(await (await tab()).evaluate(() => browserPage.ledger())).toEqual(after)
  })

  it('remembers the root of each coordinator', async () => {
    const page = await tab()
    expect(await page.evaluate(() => browserPage.pin(null))).toBeNull()
    const pinned = await page.evaluate(() => browserPage.pin('https://example.org'))
    await page.close()
    expect(await (await tab()).evaluate(() => browserPage.pin(null))).toBe(pinned)
  })

  it('times its sleeps in a worker', async () => {
    expect(await (await tab()).evaluate(() => browserPage.sleeps())).toEqual(['aborted', 'early', 'late'])
  })

  it('rests while the tab is hidden, when that is wanted, and connects at once when it is online again', async () => {
    const page = await tab()
    await page.evaluate(() => {
      browserPage.follow('rest')
    })
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
      Object.defineProperty(document, 'visibilityState', { value: 'visible', configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    })
    await profile.setOffline(true)
    await profile.setOffline(false)
    await page.waitForFunction(() => browserPage.told().includes('retry'))
    const told = await page.evaluate(() => browserPage.told())
    // How much is lent may change in between; what it rests for is told again then.
    const rests = told.filter((line, index) => line.startsWith('rest') && line !== told[index - 1])
    expect(rests).toEqual(['rest for nothing', 'rest for tab_hidden_policy', 'rest for nothing'])
  })
})
