/** A server of one page and the sandbox, both with their real headers. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { appPageCsp, sandboxDocument } from '@peercompute/worker-client/sandbox'
import type { FrameBox } from '@peercompute/worker-client/testing/frame-page'
import type { Browser, Page } from 'playwright-core'
import { openPage } from './browser.ts'
import { bundlePage, PAGE_SCRIPT } from './bundle-page.ts'

declare const frameBox: FrameBox

export interface SandboxApp {
  /** A fresh page whose `frameBox` is there. */
  open(browser: Browser): Promise<Page>
  close(): void
}

export async function serveSandboxApp(): Promise<SandboxApp> {
  const scripts = await bundlePage('@peercompute/worker-client/testing/frame-page')
  const sandbox = sandboxDocument()
  let origin = ''
  const server = createServer((request, response) => {
    const script = scripts.get(request.url ?? '')
    if (request.url === '/sandbox.html') response.writeHead(200, sandbox.headers).end(sandbox.html)
    else if (script !== undefined) response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
    else if (request.url === '/')
      response
        .writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': appPageCsp(origin) })
        .end(`<!doctype html><title>App</title><body><script type="module" src="${PAGE_SCRIPT}"></script>`)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    async open(browser) {
      const { page } = await openPage(await browser.newContext(), origin)
      await page.waitForFunction(() => typeof frameBox === 'object')
      return page
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    }
  }
}
