/** The network page in real Chromium against a real coordinator: two tabs that meet, lose the relay, hang, and say what happens. */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium, openPage, startServer, until, type TestServer } from '../harness/index.ts'
import { nameless, overflow } from './parts/page-checks.ts'
import { press, publishReadyMade, says, startLending } from './parts/page-hands.ts'

/** `1 peer` and the like stand together by a no-break space. */
const WITH_ONE_PEER = /^Connected to the relay and 1\speer, directly\.$/
const ALONE_AND_CONNECTED = 'Connected to the relay. No other peer is here.'

let server: TestServer
let browser: Browser
const complaints: string[] = []

beforeAll(async () => {
  ;[server, browser] = await Promise.all([startServer(), launchChromium()])
})
afterAll(async () => {
  await browser.close()
  await server.stop()
})

async function open(path: string, context?: BrowserContext): Promise<Page> {
  const opened = await openPage(context ?? (await browser.newContext()), `${server.url}/#${path}`)
  opened.page.on('close', () => complaints.push(...opened.complaints))
  return opened.page
}

async function connected(): Promise<Page> {
  const page = await open('/network')
  await says(page, 'This tab is not connected.')
  await press(page, 'Connect this tab')
  await says(page, /^Connected to the relay/)
  return page
}

const logOf = (page: Page) => page.getByRole('list', { name: 'What happened, newest first' })

/** The message of this number, in the log of another tab. Its delay in milliseconds. */
async function arrives(page: Page, number: number): Promise<number> {
  const line = await logOf(page)
    .getByText(new RegExp(`^"test ${number}" came from`))
    .first()
    .innerText()
  return Number(/after (\d+) ms/.exec(line)?.[1])
}

describe('two tabs that connect', () => {
  let first: Page
  let second: Page

  it('meet directly, draw it, and list it', async () => {
    first = await connected()
    await says(first, ALONE_AND_CONNECTED)
    second = await connected()
    await Promise.all([says(first, WITH_ONE_PEER), says(second, WITH_ONE_PEER)])
    const row = first.getByRole('table', { name: 'Peers' }).getByRole('row').nth(1)
    expect(await row.innerText()).toContain('direct, WebRTC')
    const relay = first.getByRole('table', { name: 'Relays' }).getByRole('row').nth(1)
    await until('a round trip to the relay', async () => /[\d.]+ ms/.test(await relay.innerText()))
    expect(await relay.innerText()).toMatch(/connected\s+yes/)
    const picture = first.getByRole('img', { name: /^1 of 1\srelay connected, 1\speer direct, WebRTC\.$/ })
    expect(await picture.locator('line.webrtc').count()).toBe(1)
    expect(await first.locator('.addresses li').count()).toBeGreaterThanOrEqual(2)
  })

  it('hear each other’s test messages, with their delay', async () => {
    const topic = first.getByRole('row', { name: /peercompute\/test\/1/ })
    await until('a neighbour that follows the topic', async () => /[12]/.test(await topic.locator('td').first().innerText()))
    await press(first, 'Send a test message')
    expect(await arrives(second, 1)).toBeLessThan(5_000)
    await press(second, 'Announce this tab')
    await logOf(second).getByText('Announced this tab to the others.').waitFor()
  })

  it('keep each other when the relay is cut, say so, and come back', async () => {
    await press(first, 'Cut the relay')
    await says(first, /^The relay is away; 1\speer is still connected\.$/)
    await first.getByText(/was cut by hand/).waitFor()
    await press(first, 'Send a test message')
    await arrives(second, 2)
    await press(first, 'Dial the relay')
    await says(first, WITH_ONE_PEER)
    await first.getByText(/was cut by hand/).waitFor({ state: 'detached' })
  })

  it('survive a main thread that hangs for five seconds', async () => {
    await press(second, 'Block the main thread for 5 s')
    await logOf(second).getByText('The main thread was blocked for 5 s and goes on.').waitFor()
    await says(second, WITH_ONE_PEER)
    expect(
      await logOf(second)
        .getByText(/^Relay: tried again/)
        .count()
    ).toBe(0)
    await press(first, 'Send a test message')
    await arrives(second, 3)
  })

  it('notice when one leaves', async () => {
    await press(second, 'Disconnect')
    await says(second, 'This tab is not connected.')
    await says(first, ALONE_AND_CONNECTED)
    await logOf(first)
      .getByText(/^Peer \S+ is gone\.$/)
      .waitFor()
    await Promise.all([first.context().close(), second.context().close()])
  })
})

describe('the page', () => {
  it('fits, is named, and loads no libp2p before somebody connects', async () => {
    const page = await open('/network')
    await page.getByText('Secure address').waitFor()
    const loaded = await page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .flatMap((entry) => (/\.js$/.test(entry.name) ? [(entry as PerformanceResourceTiming).decodedBodySize] : []))
    )
    for (const width of [360, 1_440]) {
      await page.setViewportSize({ width, height: 900 })
      expect(await overflow(page)).toMatchObject({ pixels: 0 })
      expect(await nameless(page)).toMatchObject({ nameless: [] })
    }
    expect(loaded.length).toBeGreaterThan(3)
    expect(Math.max(...loaded)).toBeLessThan(200_000)
    await press(page, 'Try the sandbox')
    const row = page.getByRole('row', { name: /Workers in the sandbox/ })
    await until('an answer of the sandbox', async () => /\byes\b/.test(await row.innerText()))
    await page.context().close()
  })

  it('shows the node of the tab that computes, and that of no other', async () => {
    const tab = await open('/')
    const author = await open('/submit')
    await publishReadyMade(author, 'mandelbrot', { params: { columns: 64, rows: 48, maxIterations: 4_000 }, independence: 'executor' })
    await startLending(tab)
    await tab.goto(`${server.url}/#/network`)
    await says(tab, ALONE_AND_CONNECTED)
    await tab.getByText('These are the connections of this tab while it lends your computer.').waitFor()
    const other = await open('/network', tab.context())
    await other.getByText('Another tab of this browser computes and has connections of its own.').waitFor()
    await says(other, 'This tab is not connected.')
    await tab.context().close()
    await author.context().close()
  })
})

describe('a browser that lacks something', () => {
  const without = async (script: string, path: string): Promise<Page> => {
    const context = await browser.newContext()
    await context.addInitScript({ content: script })
    return open(path, context)
  }

  it('cannot compute without Ed25519, and says which versions can', async () => {
    const page = await without(
      'const make = SubtleCrypto.prototype.generateKey; SubtleCrypto.prototype.generateKey = function (name, ...rest) { return name === "Ed25519" ? Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError")) : make.call(this, name, ...rest) }',
      '/'
    )
    await says(page, 'This browser cannot help, but you can watch.')
    await page.getByText(/Chrome and Edge from \d+, Firefox from \d+ and Safari from \d+ can sign/).waitFor()
    expect(await page.getByRole('button', { name: 'Start computing' }).count()).toBe(0)
    await page.context().close()
  })

  it('without Web Locks warns that two tabs must not compute, and computes in one', async () => {
    const page = await without('delete Navigator.prototype.locks', '/')
    await page.getByText('Start computing in one tab only.').waitFor()
    await startLending(page)
    await page.context().close()
  })

  it('without WebRTC meets others through the relay only', async () => {
    const [poor, rich] = await Promise.all([without('delete globalThis.RTCPeerConnection', '/network'), connected()])
    expect(await poor.getByRole('row', { name: /Direct connections/ }).innerText()).toContain('Everything goes through the relay')
    await press(poor, 'Connect this tab')
    await says(poor, /^Connected to the relay/)
    await press(rich, 'Send a test message')
    await arrives(poor, 1)
    expect(await poor.locator('.plate line.webrtc').count()).toBe(0)
    await poor.context().close()
    await rich.context().close()
  })
})

describe('this browser’s copy of the ledger', () => {
  it('shows the jobs, with its time, before the coordinator has answered and when it is gone', async () => {
    const tab = await open('/')
    const asked = (page: Page) => page.evaluate(() => Reflect.get(globalThis, 'peercomputeAsked') as number)
    await tab.context().addInitScript({
      content:
        'globalThis.peercomputeAsked = 0; const ask = StorageManager.prototype.persist; StorageManager.prototype.persist = function () { globalThis.peercomputeAsked += 1; return ask.call(this) }'
    })
    await tab.reload()
    await says(tab, 'Lend this computer to science.')
    expect(await asked(tab)).toBe(0)
    await startLending(tab)
    expect(await asked(tab)).toBe(1)
    await until('a copy', () => tab.evaluate(() => localStorage.getItem('peercompute.copy') !== null))

    const jobs = await open('/jobs', tab.context())
    await says(jobs, /jobs?, /)
    const [title = ''] = await jobs.locator('.jobs h2').allInnerTexts()
    await jobs.route('**/api/v1/jobs?*', () => undefined)
    await jobs.reload()
    await jobs.getByText(/^From this browser’s copy, \d/).waitFor()
    await jobs.getByRole('link', { name: title }).waitFor()
    await jobs.unroute('**/api/v1/jobs?*')
    await jobs.getByRole('link', { name: title }).click()
    await says(jobs, /units are validated|Running|Complete/)

    await server.process.end('SIGKILL')
    await jobs.getByRole('link', { name: 'Jobs', exact: true }).first().click()
    await jobs.getByText(/^From this browser’s copy, \d/).waitFor()
    await jobs.getByRole('link', { name: title }).waitFor()
    await server.killAndRestart()
    await jobs.getByText(/^From this browser’s copy/).waitFor({ state: 'detached', timeout: 45_000 })
    await tab.context().close()
  })
})

it('left nothing in the consoles but the coordinator’s absence', () => {
  expect(complaints.filter((text) => !/Failed to load resource|ERR_|WebSocket|directive 'webrtc'/.test(text))).toEqual([])
})
