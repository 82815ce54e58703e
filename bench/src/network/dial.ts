/** Direct connections between two fresh profiles, one after the other. */
import { launchChromium, until } from '@peercompute/tests'
import { medianRow, singleRow, type Part } from '../bench.ts'
import type { PeerPage } from '../pages/peer-page.ts'
import { servePage } from '../serve-page.ts'
import { openPeerTab, PEER_PAGE } from './peer-tab.ts'
import { startRelay } from './relay.ts'

declare const peerPage: PeerPage

const DIALS = 20

export const dials: Part = {
  ids: ['dial.ok', 'dial.median'],
  limitSeconds: 60 + DIALS * 20,
  async measure(run) {
    const relay = await startRelay(run)
    const url = await servePage(run, PEER_PAGE)
    const browser = await launchChromium()
    run.after(() => browser.close())
    const seconds: number[] = []
    for (let i = 1; i <= DIALS; i++) {
      const contexts = await Promise.all([browser.newContext(), browser.newContext()])
      const [from, to] = await Promise.all(contexts.map((context) => openPeerTab(context, url, relay.addresses)))
      if (from === undefined || to === undefined) throw new Error('no tabs')
      await until('the announcement of the other', () => from.page.evaluate((peer) => peerPage.knows(peer), to.peer))
      try {
        const ms = await from.page.evaluate((peer) => peerPage.dial(peer), to.peer)
        // a dial is good when the other side holds the connection too
        await until('the other side', () => to.page.evaluate((peer) => peerPage.direct(peer), from.peer), 2_000)
        seconds.push(ms / 1_000)
        run.report(`dial ${i}: ${(ms / 1_000).toFixed(3)} s`)
      } catch (error) {
        run.report(`dial ${i}: failed. ${error instanceof Error ? error.message : String(error)}`)
      }
      await Promise.all(contexts.map((context) => context.close()))
    }
    return {
      rows: [singleRow('dial.ok', `of ${DIALS}`, seconds.length, `>= ${DIALS}`), medianRow('dial.median', 's', seconds, '<= 0.5')],
      conditions: [
        `Chromium ${browser.version()} headless`,
        'dial: two new profiles each time, which know each other by announcement; no ICE server'
      ]
    }
  }
}
