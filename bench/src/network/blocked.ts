/** A page whose main thread is busy for 20 s: how long afterwards until the relay answers it. */
import { launchChromium, until } from '@peercompute/tests'
import { medianRow, type Part } from '../bench.ts'
import type { PeerPage } from '../pages/peer-page.ts'
import { servePage } from '../serve-page.ts'
import { openPeerTab, PEER_PAGE } from './peer-tab.ts'
import { startRelay } from './relay.ts'

declare const peerPage: PeerPage

const BLOCKED_SECONDS = 20
const SAMPLES = 3

export const blocked: Part = {
  ids: ['blocked.back'],
  limitSeconds: 60 + SAMPLES * (BLOCKED_SECONDS + 70),
  async measure(run) {
    const relay = await startRelay(run)
    const url = await servePage(run, PEER_PAGE)
    const browser = await launchChromium()
    run.after(() => browser.close())
    const seconds: number[] = []
    for (let i = 0; i < SAMPLES; i++) {
      const context = await browser.newContext()
      const tab = await openPeerTab(context, url, relay.addresses)
      await until('the relay to answer', () => tab.page.evaluate((peer) => peerPage.echo(peer).then(() => true), relay.peerId))
      const back = await tab.page.evaluate(([ms, peer]) => peerPage.block(ms, peer), [BLOCKED_SECONDS * 1_000, relay.peerId] as const)
      const drops = await tab.page.evaluate(() => peerPage.drops())
      run.report(`blocked.back ${(back / 1_000).toFixed(2)} s, connections lost: ${drops}`)
      seconds.push(back / 1_000)
      await context.close()
    }
    return {
      rows: [medianRow('blocked.back', 's', seconds, '<= 2')],
      conditions: [
        `Chromium ${browser.version()} headless`,
        `blocked: the main thread loops for ${BLOCKED_SECONDS} s; back when the relay has answered on a new stream`
      ]
    }
  }
}
