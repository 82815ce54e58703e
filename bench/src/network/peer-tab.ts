/** Tabs that run pages/peer-page.ts. */
import { openPage, until } from '@peercompute/tests'
import type { BrowserContext, Page } from 'playwright-core'
import type { PeerPage } from '../pages/peer-page.ts'

declare const peerPage: PeerPage

export const PEER_PAGE = new URL('../pages/peer-page.ts', import.meta.url)

export interface PeerTab {
  readonly page: Page
  readonly peer: string
  readonly complaints: readonly string[]
}

/** A tab whose node is connected to the relay. */
export async function openPeerTab(context: BrowserContext, url: string, relays: readonly string[]): Promise<PeerTab> {
  const { page, complaints } = await openPage(context, url)
  await page.waitForFunction(() => 'peerPage' in globalThis)
  const peer = await page.evaluate((addresses) => peerPage.start(addresses), relays)
  await until('the tab to reach the relay', () => page.evaluate(() => peerPage.connected())).catch((cause: unknown) => {
    throw new Error(complaints.join('\n'), { cause })
  })
  return { page, peer, complaints }
}
