/**
 * Development only: pictures of every page, taken from a real coordinator with real volunteers and real jobs.
 *
 *   npm run build -w dashboard && node dashboard/dev/screens.ts OUT
 *
 * writes `OUT/<page>-<width>-<light|dark>.png`. Wants Chromium, at PEERCOMPUTE_CHROMIUM or where Linux keeps it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import { z } from 'zod'

const WIDTHS = [360, 1440] as const
const SCHEMES = ['light', 'dark'] as const
/** No loopback address to the browser, so that the page is insecure; leads here all the same. */
const FOREIGN_HOST = 'compute.lab.example'
const root = fileURLToPath(new URL('../../', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'peercompute-screens-'))
const children: ChildProcess[] = []

function cli(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [join(root, 'cli/src/main.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NO_COLOR: '1', XDG_CONFIG_HOME: join(scratch, 'config') }
  })
  children.push(child)
  return child
}

/** Standard output of a command that ends by itself. */
async function told(args: readonly string[]): Promise<string> {
  const { stdout } = cli(args)
  let text = ''
  for await (const chunk of stdout ?? []) text += String(chunk)
  return text
}

async function startCoordinator(): Promise<{ readonly url: string; readonly port: number }> {
  const { stdout } = cli(['serve', '--port', '0', '--data', join(scratch, 'coordinator'), '--json'])
  if (stdout === null) throw new Error('The coordinator has no standard output')
  for await (const line of createInterface(stdout))
    if (line.startsWith('{')) return z.object({ url: z.string(), port: z.int() }).parse(JSON.parse(line))
  throw new Error('The coordinator ended before it was ready')
}

const stateSchema = z.object({ state: z.string(), unitCount: z.int(), units: z.object({ validated: z.int() }) })

/** Waits until this share of a job is validated. */
async function validated(url: string, job: string, share: number): Promise<void> {
  for (;;) {
    const { units, unitCount } = stateSchema.parse(await (await fetch(`${url}/api/v1/jobs/${job}`)).json())
    if (units.validated >= share * unitCount) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function publish(url: string, args: readonly string[]): Promise<string> {
  return z.object({ id: z.string() }).parse(JSON.parse(await told(['submit', ...args, '--coordinator', url, '--json']))).id
}

async function newPage(browser: Browser, url: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  await page.goto(url)
  return page
}

/** Waits for what is drawn after the first paint: values, the line under the unit map, checks, and a frame for the canvas. */
async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor()
  await page.waitForLoadState('networkidle')
  if ((await page.locator('#map-read').count()) > 0) await page.locator('#map-read .st').waitFor()
  if ((await page.locator('#chk').count()) > 0) await page.locator('.ladder .ok, .ladder .bad').first().waitFor()
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
}

async function take(page: Page, folder: string, name: string, whole = true): Promise<void> {
  for (const width of WIDTHS) {
    for (const colorScheme of SCHEMES) {
      await page.setViewportSize({ width, height: width < 640 ? 800 : 900 })
      await page.emulateMedia({ colorScheme })
      await settled(page)
      await settled(page)
      // A window as tall as the page: bars that stick to its edges then stand at the edges of the picture.
      const height = await page.evaluate(() => document.documentElement.scrollHeight)
      if (whole) await page.setViewportSize({ width, height })
      await page.mouse.move(0, 0)
      await settled(page)
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`) })
    }
  }
}

async function startTab(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Start computing' }).first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Start computing' }).click()
}

async function takeAll(browser: Browser, folder: string): Promise<void> {
  const { url, port } = await startCoordinator()
  const page = await newPage(browser, `${url}/#/`)
  await take(page, folder, 'volunteer-no-jobs')
  await page.goto(`${url}/#/jobs`)
  await take(page, folder, 'jobs-none')

  const volunteer = (name: string) => cli(['volunteer', '--coordinator', url, '--data', join(scratch, name), '--label', name, '--json'])
  const helpers = [volunteer('office-desktop'), volunteer('lab-server')]
  const jobs: [string, string][] = []
  for (const name of ['keeling-fit', 'n-queens', 'mandelbrot']) {
    const id = await publish(url, [join(root, 'examples/jobs', name)])
    await validated(url, id, 1)
    jobs.push([name, id])
  }

  // A long job half way, with a tab at work on it.
  const long = await publish(url, ['mandelbrot', '-p', 'columns=24', '-p', 'rows=18', '-p', 'maxIterations=16000'])
  const tab = await newPage(browser, `${url}/#/`)
  await tab.getByRole('button', { name: 'Start computing' }).first().click()
  await take(tab, folder, 'consent', false)
  await tab.getByRole('button', { name: 'Look around first' }).click()
  await startTab(tab)
  await validated(url, long, 0.45)
  for (const helper of helpers) helper.kill('SIGTERM')
  await tab.getByRole('heading', { level: 1, name: /^Your computer just finished/ }).waitFor()
  await take(tab, folder, 'volunteer')
  jobs.push(['running', long])
  for (const [name, id] of jobs) {
    await page.goto(`${url}/#/jobs/${id}`)
    await take(page, folder, `job-${name}`)
  }
  await page.goto(`${url}/#/verify/${jobs[0]?.[1] ?? ''}`)
  await page.getByRole('heading', { level: 1, name: /everything holds/ }).waitFor()
  await page.getByRole('button', { name: /^Compute unit/ }).click()
  await page.getByText('Your computer agrees').waitFor()
  await take(page, folder, 'verify')
  await tab.goto(`${url}/#/fleet`)
  await take(tab, folder, 'fleet')
  const watcher = await newPage(browser, `${url}/#/network`)
  await take(watcher, folder, 'network-looking-on')
  await watcher.getByRole('button', { name: 'Connect this tab' }).click()
  await watcher.getByRole('heading', { level: 1, name: /directly/ }).waitFor()
  await watcher.getByRole('button', { name: 'Send a test message' }).click()
  await take(watcher, folder, 'network')
  await watcher.context().close()
  await tab.goto(`${url}/#/`)
  await tab.getByRole('button', { name: 'Pause' }).click()
  await take(tab, folder, 'volunteer-paused', false)

  for (const [name, path] of [
    ['jobs', '/jobs'],
    ['submit', '/submit'],
    ['words', '/words'],
    ['not-found', '/nowhere']
  ] as const) {
    await page.goto(`${url}/#${path}`)
    await take(page, folder, name)
  }
  await page.goto(`${url}/#/submit?from=file`)
  await page.getByLabel('Job file, YAML or JSON').fill('peercompute: 1\nname: queens-12\nkernel: n-queens\nparms:\n  n: 12\n')
  await page.locator('#problems li').first().waitFor()
  await take(page, folder, 'submit-file')
  await page.goto(`${url}/#/jobs/${jobs[0]?.[1] ?? ''}`)
  await page.locator('a[href^="#/code/"]').first().click()
  await take(page, folder, 'code', false)
  await take(await newPage(browser, `http://${FOREIGN_HOST}:${port}/#/`), folder, 'volunteer-insecure')

  await page.goto(`${url}/#/jobs`)
  children[0]?.kill('SIGTERM')
  await page.getByText('does not answer').first().waitFor()
  await take(page, folder, 'jobs-offline')
}

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('Say where the pictures go: node dashboard/dev/screens.ts OUT')
mkdirSync(folder, { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env['PEERCOMPUTE_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--enable-unsafe-webgpu', `--host-resolver-rules=MAP ${FOREIGN_HOST} 127.0.0.1`]
})
try {
  await takeAll(browser, folder)
} finally {
  await browser.close()
  for (const child of children) child.kill('SIGKILL')
  rmSync(scratch, { recursive: true, force: true })
}
