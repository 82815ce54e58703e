/** Peers in real browser pages, with nothing around them that could help: a page from loopback with one script. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { openPage } from './browser.ts'
import { bundlePage, PAGE_SCRIPT } from './bundle-page.ts'
import type { JoinOptions, PeerAnswer, RemotePeer } from './peer/test-peer.ts'
import type { PeerPageScript } from './peer/page.ts'

const ENTRY = fileURLToPath(new URL('./peer/page.ts', import.meta.url))

declare const peerPage: PeerPageScript

export interface PeerPage extends RemotePeer {
  readonly id: string
  readonly page: Page
  readonly context: BrowserContext
  /** Errors of the console and uncaught ones. */
  readonly complaints: readonly string[]
  /** Bytes in use after a garbage collection: objects of JavaScript, and the buffers that they hold. */
  heap(): Promise<number>
  /** Closes the tab, and its context when it is its own. */
  close(): Promise<void>
}

export interface PeerPages {
  readonly url: string
  /** A page that has joined: in a fresh context of its own, or in the one given. */
  open(browser: Browser, options: JoinOptions, context?: BrowserContext): Promise<PeerPage>
  close(): Promise<void>
}

/** Bundles the page once, and serves it. */
export async function servePeerPages(): Promise<PeerPages> {
  const files = await bundlePage(ENTRY)
  const server = createServer((request, response) => {
    const script = files.get(request.url ?? '')
    if (script !== undefined) response.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
    else response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><script type="module" src="${PAGE_SCRIPT}"></script>`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    url,
    open: async (browser, options, given) => {
      const context = given ?? (await browser.newContext())
      const { page, complaints } = await openPage(context, url)
      await page.waitForFunction(() => 'peerPage' in globalThis)
      const peer: RemotePeer = {
        call: async (command, ...args) =>
          (await page.evaluate(([name, values]) => peerPage.run(name, values), [command, args] as const)) as PeerAnswer<typeof command>
      }
      const { peer: id } = await peer.call('join', options)
      return {
        ...peer,
        id,
        page,
        context,
        complaints,
        heap: () => heapOf(page),
        close: () => (given === undefined ? context.close() : page.close())
      }
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  try {
    await session.send('HeapProfiler.collectGarbage')
    const { usedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage')
    return usedSize + backingStorageSize
  } finally {
    await session.detach()
  }
}
