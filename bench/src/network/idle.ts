/** Connections that nobody uses: light peers, a tab, and a tab that is hidden. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromiumPath, until } from '@peercompute/tests'
import { chromium, type Browser } from 'playwright-core'
import { singleRow, type Part, type Run } from '../bench.ts'
import type { PeerPage } from '../pages/peer-page.ts'
import { servePage } from '../serve-page.ts'
import { monotonicMs, pause } from '../time.ts'
import { createCrowd, JOINS_PER_SECOND } from './crowd.ts'
import { openPeerTab, PEER_PAGE } from './peer-tab.ts'
import { startRelay } from './relay.ts'

declare const peerPage: PeerPage

const PEERS = 30
const REPORT_EVERY_MS = 30_000

export function idle(id: string, minutes: number, target: string | null): Part {
  return {
    ids: [id],
    limitSeconds: 180 + minutes * 60,
    async measure(run) {
      const relay = await startRelay(run)
      const crowd = await createCrowd(run, PEERS, relay.addresses, true)
      await crowd.join(JOINS_PER_SECOND)
      await crowd.settled(60_000)
      const url = await servePage(run, PEER_PAGE)
      const browser = await chromiumThatHidesTabs(run)
      const [profile] = browser.contexts()
      if (profile === undefined) throw new Error('the browser has no profile')
      const hidden = await openPeerTab(profile, url, relay.addresses)
      const visible = await openPeerTab(profile, url, relay.addresses)
      await visible.page.bringToFront()
      await until('one tab to be hidden', async () => !(await hidden.page.evaluate(() => peerPage.visible())))

      const tabDrops = async (): Promise<number[]> =>
        Promise.all(
          [hidden, visible].map((tab) => tab.page.evaluate((peer) => Number(!peerPage.direct(peer)) + peerPage.drops(), relay.peerId))
        )
      const expected = [...crowd.ids, hidden.peer, visible.peer]
      const from = monotonicMs()
      for (let left = minutes * 60_000; left > 0; left = minutes * 60_000 - (monotonicMs() - from)) {
        await pause(Math.min(REPORT_EVERY_MS, left))
        const { closed } = await relay.process.call('joins', undefined)
        const drops = closed.filter(({ peer, at }) => at >= from && expected.includes(peer)).length
        run.report(
          `${id} ${((monotonicMs() - from) / 1_000).toFixed(0)} s: ${drops} drops, ${await relay.process.call('peers', undefined)} peers`
        )
      }
      const seconds = (monotonicMs() - from) / 1_000
      if (await hidden.page.evaluate(() => peerPage.visible())) throw new Error('The hidden tab did not stay hidden')
      const { opened, closed } = await relay.process.call('joins', undefined)
      // a connection that the relay lost, or one that a peer lost and the relay has not noticed
      const atRelay = closed.filter(({ peer, at }) => at >= from && expected.includes(peer)).length
      const again = opened.filter(({ peer, at }) => at >= from && expected.includes(peer)).length
      const gone = (await crowd.state()).filter(({ connectedAt }) => connectedAt === null || connectedAt >= from).length
      const tabs = await tabDrops()
      run.report(`${id} closed at the relay ${atRelay}, opened again ${again}, peers that lost it ${gone}, tabs ${tabs.join(' and ')}`)
      const drops = Math.max(atRelay, again, gone + tabs.reduce((sum, tab) => sum + tab, 0))
      return {
        rows: [singleRow(id, '', drops, target)],
        conditions: [`idle: ${PEERS} Node clients, a visible and a hidden tab of Chromium ${browser.version()}, ${seconds.toFixed(0)} s`]
      }
    }
  }
}

/** Playwright keeps every page visible, unless it finds a browser that was started by somebody else. */
async function chromiumThatHidesTabs(run: Run): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'peercompute-bench-'))
  const child = spawn(
    chromiumPath(),
    [
      '--headless',
      '--no-sandbox',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      '--no-first-run',
      '--disable-background-networking',
      'about:blank'
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] }
  )
  const exited = once(child, 'exit')
  run.after(async () => {
    child.kill('SIGKILL')
    await exited
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += String(chunk)
  })
  const address = await until('the address of Chromium', () => /DevTools listening on (ws:\S+)/.exec(said)?.[1])
  return chromium.connectOverCDP(address, { noDefaults: true })
}
