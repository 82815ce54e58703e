/**
 * Chromium whose tabs hide each other, as on a desk: Playwright's own launch keeps every page visible and its timers unthrottled, so this
 * one is started by hand, with a profile of its own, and only driven by Playwright.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import { chromiumPath } from './browser.ts'
import { follow } from './process.ts'

export interface HidingBrowser {
  readonly browser: Browser
  /** The profile; tabs opened here are of one window. */
  readonly window: BrowserContext
  close(): Promise<void>
}

export async function launchHidingBrowser(): Promise<HidingBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'peercompute-profile-'))
  const args = ['--headless=new', '--no-sandbox', '--no-first-run', '--disable-background-networking', '--remote-debugging-port=0']
  const running = follow(
    spawn(chromiumPath(), [...args, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'pipe', 'pipe'] }),
    'chromium'
  )
  const [, endpoint = ''] = await running.line(/DevTools listening on (ws:\S+)/)
  // its defaults are what keeps pages visible
  const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true })
  const [window] = browser.contexts()
  if (window === undefined) throw new Error('The browser has no profile')
  return {
    browser,
    window,
    close: async () => {
      await browser.close()
      await running.end()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}
