import { createRelayNode, type RelayNode } from '@peercompute/p2p/relay'
import { generatePeerKey } from '@peercompute/p2p'
import type { BlobPage } from '@peercompute/worker-client/testing/blob-page'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { blobTransfer, describeTransfer, directlyConnected, openBlobPeers, type BlobPeer } from '../harness/blob-transfer.ts'
import { launchChromium } from '../harness/browser.ts'

declare const blobPage: BlobPage

const MIB = 1_048_576
let browser: Browser
let relay: RelayNode
let close: () => Promise<void>
let a: BlobPeer
let b: BlobPeer

beforeAll(async () => {
  relay = await createRelayNode({ peerKey: await generatePeerKey(), announce: [] })
  browser = await launchChromium()
  const opened = await openBlobPeers(browser, relay.getMultiaddrs().map(String), 2)
  close = opened.close
  const [one, two] = opened.peers
  if (one === undefined || two === undefined) throw new Error('Two pages were asked for')
  a = one
  b = two
  await directlyConnected(a, b)
})
afterAll(async () => {
  await browser.close()
  await close()
  await relay.stop()
})

it('fetches 32 MiB from another tab over WebRTC, whole and in little memory on both sides', async () => {
  const quick = await blobTransfer(a, b, 32 * MIB, { seed: 1 })
  const watched = await blobTransfer(a, b, 32 * MIB, { seed: 2, heap: true })
  process.stdout.write(`32 MiB between two pages: ${describeTransfer(quick)}; watched: ${describeTransfer(watched)}\n`)
  for (const { hashHolds, paths } of [quick, watched]) {
    expect(hashHolds).toBe(true)
    expect(paths).not.toEqual([])
    for (const path of paths) expect(path).toContain('/webrtc')
  }
  expect(watched.heapGrowth?.from).toBeLessThanOrEqual(16 * MIB)
  expect(watched.heapGrowth?.to).toBeLessThanOrEqual(16 * MIB)
})

it('goes on after a reload with what the browser has kept', async () => {
  const size = 3 * MIB + 17
  const ref = await a.page.evaluate((bytes) => blobPage.make(bytes, 5), size)
  await b.page.evaluate((bytes) => blobPage.make(bytes, 5, 1_048_576), size)
  b = await b.reload()
  await directlyConnected(a, b)
  const { heldBefore } = await b.page.evaluate(([blob, peer]) => blobPage.fetch(blob, peer), [ref, a.peer] as const)
  expect(heldBefore).toBe(MIB)
  expect(await b.page.evaluate((blob) => blobPage.hashOf(blob), ref)).toBe(ref.sha256)
})
