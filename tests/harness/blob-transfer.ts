/** Blobs between two real browser pages: what came, how fast, over which way, and what memory it took on either side. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BlobPage } from '@peercompute/worker-client/testing/blob-page'
import type { Browser, Page } from 'playwright-core'
import { bundlePage, PAGE_SCRIPT } from './bundle-page.ts'
import { openPage } from './browser.ts'
import { until } from './until.ts'

declare const blobPage: BlobPage

const MIB = 1_048_576
/** How often memory is looked at. */
const SAMPLE_MS = 100

export interface BlobPeer {
  readonly page: Page
  readonly peer: string
  /** Loads the page anew, which then is another peer with the same store. */
  reload(): Promise<BlobPeer>
}

/** Pages that join through the relays, each in a browser context of its own. Close the browser first, then `close()`. */
export async function openBlobPeers(
  browser: Browser,
  relays: readonly string[],
  count: number
): Promise<{ readonly peers: readonly BlobPeer[]; readonly close: () => Promise<void> }> {
  const files = await bundlePage('@peercompute/worker-client/testing/blob-page')
  const server = createServer((request, response) => {
    const script = files.get(request.url ?? '')
    if (script !== undefined) response.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
    else response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><script type="module" src="${PAGE_SCRIPT}"></script>`)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const join = async (page: Page): Promise<BlobPeer> => {
    await page.waitForFunction(() => 'blobPage' in globalThis)
    const peer = await page.evaluate((addresses) => blobPage.start(addresses), [...relays])
    const reload = async () => {
      await page.reload()
      return join(page)
    }
    return { page, peer, reload }
  }
  const open = async () => join((await openPage(await browser.newContext(), url)).page)
  const peers = await Promise.all(Array.from({ length: count }, open))
  return {
    peers,
    async close() {
      server.closeAllConnections()
      await server[Symbol.asyncDispose]()
    }
  }
}

/** Resolves when both have a direct WebRTC connection to each other. */
export async function directlyConnected(a: BlobPeer, b: BlobPeer): Promise<void> {
  const direct = async (one: BlobPeer, other: BlobPeer) => (await one.page.evaluate((id) => blobPage.paths(id), other.peer)).length > 0
  await until('a direct connection between the pages', async () => (await direct(a, b)) && (await direct(b, a)))
}

export interface BlobTransfer {
  readonly seconds: number
  readonly megabytesPerSecond: number
  readonly hashHolds: boolean
  /** Remote addresses of the direct connections on which the bytes may have come. */
  readonly paths: readonly string[]
  /** By how many bytes heap and array buffers in use grew at most, on either side; null when it was not asked for. */
  readonly heapGrowth: { readonly from: number; readonly to: number } | null
}

export interface BlobTransferOptions {
  /** Other bytes for another seed. */
  readonly seed?: number
  /**
   * Looks at what is in use during the transfer. It collects garbage each time, because V8 lets up to 64 MiB of dead buffers lie however
   * few are in use. That costs time: the speed of such a transfer says nothing.
   */
  readonly heap?: boolean
}

/** Puts random bytes into the store of one page and fetches them into the store of the other. */
export async function blobTransfer(
  from: BlobPeer,
  to: BlobPeer,
  bytes: number,
  { seed = 1, heap = false }: BlobTransferOptions = {}
): Promise<BlobTransfer> {
  const ref = await from.page.evaluate(([size, start]) => blobPage.make(size, start), [bytes, seed] as const)
  const watches = heap ? await Promise.all([watchHeap(from.page), watchHeap(to.page)]) : null
  const { milliseconds } = await to.page.evaluate(([blob, peer]) => blobPage.fetch(blob, peer), [ref, from.peer] as const)
  const heapGrowth = watches === null ? null : { from: await watches[0](), to: await watches[1]() }
  const hash = await to.page.evaluate((blob) => blobPage.hashOf(blob), ref)
  const paths = await to.page.evaluate((peer) => blobPage.paths(peer), from.peer)
  await Promise.all([from, to].map(({ page }) => page.evaluate((blob) => blobPage.remove(blob), ref)))
  const seconds = milliseconds / 1_000
  return { seconds, megabytesPerSecond: bytes / 1e6 / seconds, hashHolds: hash === ref.sha256, paths, heapGrowth }
}

/** Samples what is in use in a page until the returned function is called, which tells by how much it grew at most. */
async function watchHeap(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page)
  const inUse = async (): Promise<number> => {
    await session.send('HeapProfiler.collectGarbage')
    const usage: { readonly usedSize: number; readonly backingStorageSize?: number } = await session.send('Runtime.getHeapUsage')
    return usage.usedSize + (usage.backingStorageSize ?? 0)
  }
  const before = await inUse()
  let most = before
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      most = Math.max(most, await inUse())
      await new Promise((resolve) => {
        setTimeout(resolve, SAMPLE_MS)
      })
    }
  })()
  return async () => {
    over.abort()
    await watching
    await session.detach()
    return most - before
  }
}

/** One line for a log. */
export function describeTransfer({ seconds, megabytesPerSecond, heapGrowth }: BlobTransfer): string {
  const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`
  const speed = `${seconds.toFixed(2)} s, ${megabytesPerSecond.toFixed(1)} MB/s`
  return heapGrowth === null ? speed : `${speed}; in use: sender +${mib(heapGrowth.from)}, receiver +${mib(heapGrowth.to)}`
}
