/** A page of this package in real Chromium, served from loopback. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { bundlePage, PAGE_SCRIPT } from '@peercompute/tests'
import type { Run } from './bench.ts'

export const PAGE_HTML = `<!doctype html><meta charset="utf-8"><script type="module" src="${PAGE_SCRIPT}"></script>`

export function bundle(page: URL): Promise<ReadonlyMap<string, string>> {
  return bundlePage(fileURLToPath(page))
}

/** Address of the page; `data` is served as it is at `/data`. */
export async function servePage(run: Run, page: URL, data: () => Uint8Array = () => new Uint8Array()): Promise<string> {
  const files = await bundle(page)
  const server = createServer((request, response) => {
    const script = files.get(request.url ?? '')
    if (script !== undefined) response.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
    else if (request.url === '/data') response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(data())
    else response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE_HTML)
  }).listen(0, '127.0.0.1')
  run.after(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}/`
}
