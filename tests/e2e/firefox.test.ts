/** Another browser than the one that everything is measured in: it says what it lacks, reads jobs, and computes with the processor. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostViewSchema } from '@peercompute/job-specs'
import { QUEENS_SOLUTIONS } from '@peercompute/kernels'
import { CAPABILITIES, capabilityNames } from '@peercompute/worker-client/capabilities'
import { z } from 'zod'
import { firefoxPath, launchFirefox, openFirefoxPage, textOf } from '../harness/firefox.ts'
import { runCli, startServer, until, type TestServer } from '../harness/index.ts'

const program = firefoxPath()
/** One machine suffices: its two programs count as two opinions. */
const QUEENS =
  'peercompute: 1\nname: queens-in-firefox\nkernel: n-queens\nparams: { n: 8 }\nverification: { quorum: 2, independence: executor }\n'

describe.skipIf(program === null)('Firefox', () => {
  let server: TestServer
  let browser: Browser
  let page: Page
  let complaints: readonly string[] = []
  let folder = ''

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'peercompute-firefox-'))
    writeFileSync(join(folder, 'job.yaml'), QUEENS)
    ;[server, browser] = await Promise.all([startServer(), launchFirefox(program ?? '')])
    ;({ page, complaints } = await openFirefoxPage(browser, `${server.url}/#/`))
  })
  afterAll(async () => {
    await browser.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const go = (path: string) => page.evaluate((hash) => location.assign(hash), `#${path}`)
  const says = (words: string | RegExp, timeoutMs = 30_000) =>
    until(
      `the page says ${String(words)}`,
      async () => {
        const text = await textOf(page)
        return typeof words === 'string' ? text.includes(words) : words.test(text)
      },
      timeoutMs
    )
  const press = async (name: string, within = '') => {
    const button = await page.waitForSelector(`${within} ::-p-aria([name="${name}"][role="button"])`)
    await button?.click()
  }

  it('shows the volunteer’s page', () => says('Lend this computer to science.'))

  it('says in sentences what this browser lacks, and what works all the same', async () => {
    await go('/network')
    const text = async () => (await textOf(page)).replaceAll(/\s+/g, ' ')
    for (const name of capabilityNames) await until(name, async () => (await text()).includes(CAPABILITIES[name].name))
    const gpu = await page.evaluate(async () => 'gpu' in navigator && (await navigator.gpu.requestAdapter()) !== null)
    await until('the sentence about the graphics card', async () =>
      (await text()).includes(gpu ? CAPABILITIES.webgpu.about : `${CAPABILITIES.webgpu.lost} ${CAPABILITIES.webgpu.still}`)
    )
    const needed = capabilityNames.filter((name) => CAPABILITIES[name].needed)
    for (const name of needed) expect(await text()).not.toContain(CAPABILITIES[name].lost)
  })

  it('lists the jobs', async () => {
    const published = await runCli(['submit', folder, '--coordinator', server.url, '--json'], { XDG_CONFIG_HOME: folder })
    expect(published.code, published.stderr).toBe(0)
    await go('/jobs')
    await says('queens-in-firefox')
  })

  it('connects to the relay, and computes a job with the processor', async () => {
    const [id] = await server.jobIds()
    if (id === undefined) throw new Error('the job was not published')
    await go('/')
    await press('Start computing')
    await press('Start computing', 'dialog')
    await until('the end of the job', async () => (await server.job(id)).state === 'completed', 120_000)
    const hosts = z.object({ hosts: z.array(hostViewSchema) }).parse(await server.get('/api/v1/hosts')).hosts
    expect(hosts).toEqual([expect.objectContaining({ connected: true, validated: 2 * 64 })])

    await go('/network')
    await says(/Connected to the relay/)
    await go(`/jobs/${id}`)
    await says(new RegExp(`\\b${String(QUEENS_SOLUTIONS.get(8))}\\b`))
    expect(complaints).toEqual([])
  })
})
