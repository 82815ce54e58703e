/** Real Chromium with WebGPU on SwiftShader, one process for a test file, one context for each volunteer. */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export function chromiumPath(): string {
  const path = process.env['PEERCOMPUTE_CHROMIUM'] ?? CANDIDATES.find((candidate) => existsSync(candidate))
  if (path === undefined) throw new Error('Chromium is missing: install the package "chromium", or set PEERCOMPUTE_CHROMIUM')
  return path
}

/** `switches`: more of the command line. */
export function launchChromium(switches: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    args: [
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
      ...switches
    ]
  })
}

/** A page whose console errors and page errors are kept, so that a test can show them when it fails. */
export async function openPage(context: BrowserContext, url: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(url)
  return { page, complaints }
}
