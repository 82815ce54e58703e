/** The pages in real Chromium against a real coordinator with real volunteers: everything here is clicked, typed and read. */
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { hostViewSchema, type HostView } from '@peercompute/job-specs'
import { chromiumPath, openPage, startServer, startVolunteer, until, type TestServer } from '../harness/index.ts'
import { agreeToLend, overhear, press, publishFrom, publishReadyMade, says, startLending } from './parts/page-hands.ts'
import { nameless, nextTabStop, overflow } from './parts/page-checks.ts'

/** A name that is no loopback address to the browser, and leads here all the same. */
const FOREIGN_HOST = 'volunteer.test'
/** More tiles than any of these tests computes. */
const LONG_JOB = { columns: 64, rows: 48, maxIterations: 4_000 }
const SUBMIT_FIELD = 'Job file, YAML or JSON'

let server: TestServer
let browser: Browser
let rester: Page
const complaints: string[] = []

beforeAll(async () => {
  ;[server, browser] = await Promise.all([
    startServer(),
    chromium.launch({
      executablePath: chromiumPath(),
      args: [
        '--no-sandbox',
        '--enable-unsafe-webgpu',
        '--disable-background-networking',
        '--no-first-run',
        `--host-resolver-rules=MAP ${FOREIGN_HOST} 127.0.0.1`
      ]
    })
  ])
  rester = await open('/')
})
afterAll(async () => {
  await browser.close()
  await server.stop()
})

async function open(path: string, context?: BrowserContext): Promise<Page> {
  const opened = await openPage(context ?? (await browser.newContext()), `${server.url}/#${path}`)
  opened.page.on('close', () => complaints.push(...opened.complaints))
  return opened.page
}

async function hosts(): Promise<readonly HostView[]> {
  return z.object({ hosts: z.array(hostViewSchema) }).parse(await server.get('/api/v1/hosts')).hosts
}
/** The volunteer that pauses early and is looked at again late; the others are counted without it. */
let resting = ''
const others = async () => (await hosts()).filter(({ host, connected }) => connected && host !== resting)
/** One for the rest of this test, however it ends: the tests behind it count the hosts. */
async function volunteerHere(name: string): Promise<void> {
  const volunteer = await startVolunteer(server.url, { name })
  onTestFinished(() => volunteer.stop())
}
const unitsHeld = async (): Promise<number> => (await others()).reduce((sum, host) => sum + host.unitsHeld, 0)
const nothingHeld = (when: string): Promise<boolean> => until(`no unit held ${when}`, async () => (await unitsHeld()) === 0)

describe('publishing a ready-made job', () => {
  it('shows the known answer of each, live, and says when one machine is all there was', async () => {
    const page = await open('/submit')
    const same = await publishReadyMade(page, 'n-queens', { params: { n: 8 }, independence: 'executor' })
    await says(page, /^Running/)
    await volunteerHere('first')
    await says(page, /^Complete/)
    await page.getByText('Same machine.').waitFor()
    expect(await page.locator('.fig').first().innerText()).toMatch(/\b92\b/)
    await page.goto(`${server.url}/#/jobs`)
    expect(
      await page
        .getByRole('listitem')
        .filter({ has: page.locator(`a[href="#/jobs/${same}"]`) })
        .innerText()
    ).toContain('same machine')

    await volunteerHere('second')
    await publishReadyMade(page, 'n-queens', { params: { n: 8 } })
    await says(page, /^Complete/)
    expect(await page.locator('.fig').first().innerText()).toMatch(/\b92\b/)
    expect(await page.getByText('Same machine.').count()).toBe(0)

    await publishReadyMade(page, 'keeling-fit', {})
    const heard = await overhear(page)
    await says(page, /^Complete/, 60_000)
    await page.locator('.fig', { hasText: 'Growth rate' }).getByText('1.5928').waitFor()
    const counts = heard
      .flatMap((text) => /^([\d\s]+) of 4\s096 units/.exec(text)?.[1] ?? [])
      .map((text) => Number(text.replace(/\D/g, '')))
    expect(counts.length).toBeGreaterThan(1)
    expect(counts).toEqual([...counts].sort((a, b) => a - b))

    await publishReadyMade(page, 'mandelbrot', {})
    await says(page, /^Complete/, 60_000)
    const colours = () =>
      page
        .locator('figure canvas')
        .first()
        .evaluate((canvas: HTMLCanvasElement) => {
          const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: new Uint8ClampedArray() }
          return new Set(new Uint32Array(data.buffer)).size
        })
    await until('a picture of many shades', async () => (await colours()) > 50)
    await page.context().close()
  })
})

describe('a job file of one’s own', () => {
  const file = (rest: string) =>
    `peercompute: 1\nname: planets\n${rest}units: 2\noutputs: [{ name: y, type: f32, shape: [1] }]\nverification: { quorum: 1, independence: executor }\n`
  const WGSL =
    '@group(1) @binding(0) var<storage, read_write> y: array<f32>;\n\n@compute @workgroup_size(1)\nfn main() {\n  y[0] = colour;\n}\n'
  const add = (page: Page, name: string, text: string) =>
    page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })

  it('says line, column and what was probably meant, and what the browser’s own compiler says', async () => {
    const page = await open('/submit?from=file')
    const publishButton = page.getByRole('button', { name: /^Publish/ })
    await page.getByLabel(SUBMIT_FIELD).fill('peercompute: 1\nname: queens\nkernel: n-queens\nparms: { n: 8 }\n')
    const problem = page.locator('#problems li')
    await problem
      .filter({ hasText: 'Line 4, column 1:' })
      .filter({ hasText: /did you mean "?params/i })
      .waitFor()
    expect(await publishButton.isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Go to line 4' }).click()
    expect(
      await page
        .getByLabel(SUBMIT_FIELD)
        .evaluate((area: HTMLTextAreaElement) => area.value.slice(area.selectionStart, area.selectionStart + 5))
    ).toBe('parms')
    await page.getByLabel(SUBMIT_FIELD).fill('peercompute: 1\nname: queens\nkernel: n-queens\nparams: { n: 8 }\n')
    await page.getByText('Kernel compiles').waitFor()
    expect(await problem.count()).toBe(0)
    expect(await publishButton.isDisabled()).toBe(false)

    await add(page, 'kernel.wgsl', WGSL)
    await page
      .getByLabel(SUBMIT_FIELD)
      .fill(file('kernel: { name: planets, wgsl: { file: kernel.wgsl, passes: [{ entry: main, grid: [1] }] } }\n'))
    await problem.filter({ hasText: 'Kernel, line 5, column 10:' }).filter({ hasText: "unresolved value 'colour'" }).waitFor()
    expect(await publishButton.isDisabled()).toBe(true)
    await page.context().close()
  })

  it('that fails on every host is shown as failed, with what the program said; a cancelled one as cancelled', async () => {
    const page = await open('/submit?from=file')
    await add(page, 'kernel.js', "export default () => { throw new Error('no such planet') }\n")
    await page.getByLabel(SUBMIT_FIELD).fill(file('kernel: { name: planets, js: kernel.js }\n'))
    await publishFrom(page)
    // A unit is given up when three hosts have failed at it.
    const helpers = await Promise.all([1, 2, 3].map(async () => open('/', await browser.newContext())))
    await Promise.all(helpers.map(agreeToLend))
    await says(page, 'Ended with 2 of 2 units unsettled.', 60_000)
    await page.getByRole('row').filter({ hasText: 'no such planet' }).filter({ hasText: 'runtime_error' }).waitFor()
    expect(await page.getByRole('button', { name: /Cancel|Pause/ }).count()).toBe(0)
    await Promise.all(helpers.map((helper) => helper.context().close()))

    await publishReadyMade(page, 'n-queens', { params: { n: 9 } })
    await press(page, 'Cancel job')
    await says(page, /^Cancelled at 0 of/)
    expect(await page.getByRole('button', { name: /Cancel|Pause/ }).count()).toBe(0)
    expect(await page.getByRole('link', { name: 'Clone' }).count()).toBe(1)
    await page.context().close()
  })
})

describe('lending this computer', () => {
  beforeAll(async () => {
    const author = await open('/submit')
    await publishReadyMade(author, 'mandelbrot', { params: LONG_JOB })
    await author.context().close()
  })

  it('begins after consent, and each verb changes the sentence and what is held', async () => {
    const page = await open('/')
    await says(page, 'Lend this computer to science.')
    await press(page, 'Start computing')
    await press(page, 'Look around first')
    await says(page, 'Lend this computer to science.')
    expect(await others()).toEqual([])
    await startLending(page)
    await until('units in hand', async () => (await unitsHeld()) > 0)

    const heard = await overhear(page)
    await press(page, 'Finish this tile')
    await says(page, /^Stopped after [\d\s]+ tiles?\.$/)
    expect(heard).toContain('Finishing the tile in hand.')
    await nothingHeld('after finishing')

    await press(page, 'Start again')
    await says(page, /^Your computer just finished tile/)
    await press(page, 'Stop')
    await says(page, /^Stopped after/)
    await nothingHeld('after stopping')
    await page.context().close()
  })

  it('pauses and goes on', async () => {
    await startLending(rester)
    await press(rester, 'Pause')
    await says(rester, 'You paused it.')
    await press(rester, 'Go on')
    await says(rester, /^Your computer just finished tile/)
    await press(rester, 'Pause')
    await says(rester, 'You paused it.')
    resting = (await others())[0]?.host ?? ''
    expect(resting).not.toBe('')
  })

  it('is one tab of the browser; the other shows it, stops it, takes over and falls back', async () => {
    const streams: string[] = []
    const context = await browser.newContext()
    context.on('request', (request) => {
      if (request.url().includes('/api/v1/events')) streams.push(request.url())
    })
    const first = await open('/', context)
    await startLending(first)
    const second = await open('/', context)
    await says(second, /^Your other tab is computing/)
    expect(await second.getByRole('button', { name: /^Start/ }).count()).toBe(0)
    expect(await others()).toHaveLength(1)

    await press(second, 'Stop')
    await says(first, /^Stopped after/)
    await says(second, /^Stopped after/)
    await nothingHeld('after the other tab pressed Stop')

    await press(first, 'Start again')
    await says(second, /^Your other tab is computing/)
    await press(second, 'Compute here instead')
    await says(second, /^Your computer just finished tile/)
    await says(first, /^Your other tab is computing/)
    expect(await others()).toHaveLength(1)
    await first.goto(`${server.url}/#/jobs`)
    await first.getByText('Another tab is computing').waitFor()
    await second.close()
    await first.goto(`${server.url}/#/`)
    await says(first, 'Lend this computer to science.')
    expect(streams).toHaveLength(1)
    await nothingHeld('after the computing tab was closed')
    await context.close()
  })

  it('stops from every page', async () => {
    const other = await open('/', await browser.newContext())
    await startLending(other)
    await other.goto(`${server.url}/#/fleet`)
    await says(other, /^2 hosts connected/)
    await press(other, 'Stop')
    await says(other, /^1 host connected/)
    await nothingHeld('after Stop in the bar')
    await other.context().close()
  })

  it('is impossible at an insecure address, which says so and how to cure it', async () => {
    const { page: insecure } = await openPage(await browser.newContext(), `http://${FOREIGN_HOST}:${server.port}/#/`)
    await says(insecure, 'This address is not secure, so your computer cannot help from here.')
    expect(await insecure.getByRole('link', { name: `http://localhost:${server.port}` }).count()).toBe(1)
    await insecure.getByText(`peercompute serve --public-url https://${FOREIGN_HOST}`).waitFor()
    expect(await insecure.getByRole('button', { name: /Start/ }).count()).toBe(0)
    // Everything else works, live.
    await insecure.locator('figure canvas').first().waitFor()
    await insecure.getByText(/^\d+ computing$/).waitFor()
    await insecure.goto(`http://${FOREIGN_HOST}:${server.port}/#/submit`)
    await insecure.getByText('so the browser cannot sign').waitFor()
    expect(await insecure.getByRole('button', { name: /^Publish/ }).isDisabled()).toBe(true)
    await insecure.context().close()
  })
})

describe('every page', () => {
  const everyPage = async (): Promise<readonly string[]> => {
    const ids = await server.jobIds()
    const { spec } = await server.job(ids.at(-1) ?? '')
    const jobs = ids.map((id) => `/jobs/${id}`)
    return [
      '/',
      '/jobs',
      ...jobs,
      '/submit',
      '/submit?from=file',
      '/fleet',
      '/words',
      `/code/${spec.kernel.wgsl?.blob.sha256 ?? ''}`,
      '/no-such-page'
    ]
  }
  const show = async (page: Page, path: string): Promise<void> => {
    await page.goto(`${server.url}/#${path}`)
    await says(page, /^(?!Reading)/)
    // What comes after the sentence: the picture, the line under the unit map, the checks.
    if (path === '/') await page.locator('figure canvas').waitFor()
    if (path.startsWith('/jobs/')) await page.locator('#map-read .st').waitFor()
    if (path === '/submit') await page.getByText('Kernel compiles').waitFor()
    if (path === '/submit?from=file') await page.getByText('nothing to check yet').waitFor()
  }

  it.each([360, 1440])('fits %i px in light and dark, and names everything that can be pressed', async (width) => {
    const page = await open('/', await browser.newContext({ viewport: { width, height: 800 } }))
    for (const path of await everyPage()) {
      await show(page, path)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        const where = `${path}, ${colorScheme}`
        expect(await overflow(page), where).toEqual({ pixels: 0, widest: [] })
        const names = await nameless(page)
        expect(names.nameless, where).toEqual([])
        expect(names.looked, where).toBeGreaterThan(8)
      }
    }
    await page.context().close()
  })

  it('shows where the keyboard is, from the first link to the last', async () => {
    // On a phone, where a bar lies over each end of the page.
    const page = await open('/', await browser.newContext({ viewport: { width: 360, height: 800 } }))
    for (const path of await everyPage()) {
      await show(page, path)
      await page.evaluate(() => {
        document.documentElement.tabIndex = -1
        document.documentElement.focus()
      })
      const stops: string[] = []
      for (let stop = await nextTabStop(page); stop !== null && stops.length < 200; stop = await nextTabStop(page)) {
        expect(stop, `${path}, after "${stops.at(-1) ?? ''}"`).toMatchObject({ ringed: true, uncovered: true })
        stops.push(stop.name)
      }
      expect(stops.length, path).toBeGreaterThan(8)
      expect(stops.length, path).toBeLessThan(200)
    }
    await page.context().close()
  })

  it('lets the keyboard alone lead from the first page to the first finished tile', async () => {
    const page = await open('/')
    await says(page, 'Lend this computer to science.')
    const reach = async (name: string): Promise<void> => {
      for (let stops = 0; stops < 30; stops++) {
        const stop = await nextTabStop(page)
        if (stop?.name === name) {
          expect(stop).toMatchObject({ ringed: true, uncovered: true })
          return
        }
      }
      throw new Error(`The Tab key does not reach "${name}"`)
    }
    await reach('Start computing')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await reach('Start computing')
    await page.keyboard.press('Enter')
    await says(page, /^Your computer just finished tile/)
    await page.context().close()
  })

  it('of a paused volunteer stays as it is, while its tiles go to others after half a minute', async () => {
    await until('the paused host without units', async () => (await hosts()).find(({ host }) => host === resting)?.unitsHeld === 0, 60_000)
    await says(rester, 'You paused it.')
    await press(rester, 'Go on')
    await says(rester, /^Your computer just finished tile/)
    await press(rester, 'Stop')
    await says(rester, /^Stopped after/)
  })
})

describe('when the coordinator is gone', () => {
  it('keeps the figures with their time, says so, and recovers by itself', async () => {
    const [id = ''] = (await server.jobIds()).slice(-1)
    const page = await open(`/jobs/${id}`)
    await says(page, /^Complete/)
    const figures = await page.locator('.fig').allInnerTexts()
    const list = await open('/jobs', page.context())
    await says(list, /jobs/)
    const heard = await overhear(list)
    await server.process.end()
    await page.getByText('The coordinator does not answer.').waitFor()
    await page.getByText(/What you see is from \d/).waitFor()
    await list.getByText('The coordinator does not answer.').waitFor()
    expect(await page.locator('.fig').allInnerTexts()).toEqual(figures)
    await says(page, /^Complete/)
    await server.killAndRestart()
    await page.getByText('The coordinator does not answer.').waitFor({ state: 'detached' })
    await list.getByText('The coordinator does not answer.').waitFor({ state: 'detached' })
    // What happens from now on is shown, without a reload.
    const author = await open('/submit')
    await publishReadyMade(author, 'n-queens', { params: { n: 10 } })
    await says(list, /^\d+ jobs, 2 running/)
    expect(heard.length).toBeGreaterThan(0)
    await page.context().close()
    await author.context().close()
  })
})

it('left nothing in the consoles but the coordinator’s absence', () => {
  expect(complaints.filter((text) => !/Failed to load resource|ERR_|WebSocket|directive 'webrtc'/.test(text))).toEqual([])
})
