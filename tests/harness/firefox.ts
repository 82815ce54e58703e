/** Firefox over WebDriver BiDi: the browser whose gaps the volunteer's page must say in words. */
import { existsSync } from 'node:fs'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'

const CANDIDATES = ['/usr/bin/firefox-esr', '/usr/bin/firefox']

/** Null where it is not installed. */
export function firefoxPath(): string | null {
  return [process.env['PEERCOMPUTE_FIREFOX'], ...CANDIDATES].find((path) => path !== undefined && existsSync(path)) ?? null
}

export function launchFirefox(executablePath: string): Promise<Browser> {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    // a machine without a way out is not offline to itself
    extraPrefsFirefox: { 'network.manage-offline-status': false }
  })
}

/** A page whose uncaught errors are kept. */
export async function openFirefoxPage(browser: Browser, url: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => {
    // Firefox reports a refusal of its policy as an error, also where the program asked in order to hear the answer, as zod does.
    if (!/blocked a JavaScript eval/.test(String(error))) complaints.push(String(error))
  })
  await page.goto(url)
  return { page, complaints }
}

/** All that is to be read, as it is on the screen. */
export function textOf(page: Page): Promise<string> {
  return page.evaluate(() => document.body.innerText)
}
