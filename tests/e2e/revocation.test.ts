/** A job in a loop that never ends, in two tabs: `peercompute revoke` stops it in both, for good. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { hostViewSchema } from '@peercompute/job-specs'
import { z } from 'zod'
import { launchChromium, lendTab, runCli, startServer, until, type TestServer } from '../harness/index.ts'
import { ownJob, publish } from '../integration/parts/publish.ts'

const WITHIN_SECONDS = 10
const limits = { unitSeconds: 600, outputBytes: 4, memoryBytes: 1_048_576 }
const NAME = 'hot-loop'

let server: TestServer
let browser: Browser
beforeAll(async () => {
  ;[server, browser] = await Promise.all([startServer(), launchChromium()])
})
afterAll(async () => {
  await browser.close()
  await server.stop()
})

const hosts = async () => z.object({ hosts: z.array(hostViewSchema) }).parse(await server.get('/api/v1/hosts')).hosts
/** Units that the page says it is computing. */
const busy = async (page: Page): Promise<number> => {
  const cells = await page.locator('td[data-l="Tiles in hand"]').allTextContents()
  return cells.reduce((sum, text) => sum + Number(text.replace(/\D/g, '')), 0)
}

it('both tabs stop the running kernel within ten seconds, and do not take it up again after a reload', async () => {
  const hot = ownJob(NAME, { js: 'export default () => { for (;;); }' }, { unitCount: 64, limits })
  const { id } = await publish(server.url, hot)
  const context = await browser.newContext()
  const tabs = [await lendTab(await browser.newContext(), server.url), await lendTab(context, server.url)]
  await until('the hot loop in both tabs', async () => (await Promise.all(tabs.map(({ page }) => busy(page)))).every((n) => n > 0), 60_000)
  expect((await hosts()).filter(({ connected, unitsHeld }) => connected && unitsHeld > 0)).toHaveLength(2)

  const startedAt = performance.now()
  const said = await runCli(['revoke', NAME, '--reason', 'it never ends', '--coordinator', server.url, '--json'])
  expect(said.code, said.stderr).toBe(0)
  await until('that both have stopped', async () => (await Promise.all(tabs.map(({ page }) => busy(page)))).every((n) => n === 0), 30_000)
  const seconds = (performance.now() - startedAt) / 1_000
  console.log(`revoked: the second of two tabs stopped after ${seconds.toFixed(1)} s`)
  expect(seconds).toBeLessThan(WITHIN_SECONDS)
  expect(await server.job(id)).toMatchObject({ state: 'cancelled', why: { code: 'revoked' } })

  // The processor is free again: honest work of the same kind is done, also by a tab that was reloaded.
  await tabs[1]?.page.close()
  const again = await lendTab(context, server.url)
  const honest = ownJob(
    'honest',
    { js: 'export default () => ({ y: Float32Array.of(1) })' },
    { unitCount: 8, verification: { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 6 } }
  )
  const next = await publish(server.url, honest)
  await until('the honest job', async () => (await server.job(next.id)).state === 'completed', 60_000)
  expect(await busy(again.page)).toBe(0)
})
