/** From the navigation to a ledger of 1 000 jobs: in a new profile, and in one that has it on disk. */
import { generateKeyPair } from '@peercompute/job-specs'
import { launchChromium, openPage, until } from '@peercompute/tests'
import type { Page } from 'playwright-core'
import { medianRow, type Part } from '../bench.ts'
import { coordinatorFolder, startCoordinator, submitJobs } from '../coordinator.ts'
import type { SyncPage } from '../pages/sync-page.ts'
import { bundle, PAGE_HTML } from '../serve-page.ts'

declare const syncPage: SyncPage

const JOBS = 1_000
const SAMPLES = 5

export const sync: Part = {
  ids: ['sync.cold', 'sync.warm'],
  limitSeconds: 120 + SAMPLES * 60,
  async measure(run) {
    const files = await bundle(new URL('../pages/sync-page.ts', import.meta.url))
    const bytes = [...files.values()].reduce((sum, file) => sum + file.length, 0)
    const { url } = await startCoordinator(run, coordinatorFolder(run, PAGE_HTML, files))
    await submitJobs(url, await generateKeyPair({ extractable: true }), JOBS)
    run.report(`${JOBS} jobs submitted; the page is ${(bytes / 1_024).toFixed(0)} KiB of script`)
    const browser = await launchChromium()
    run.after(() => browser.close())
    const cold: number[] = []
    const warm: number[] = []
    for (let i = 0; i < SAMPLES; i++) {
      const context = await browser.newContext()
      const { page, complaints } = await openPage(context, `${url}/?jobs=${JOBS}`)
      cold.push(await synced(page, 'sync.cold', run.report, complaints))
      await until('the ledger on disk', () => page.evaluate(async () => (await syncPage.stored()) === syncPage.held().records))
      await page.reload()
      warm.push(await synced(page, 'sync.warm', run.report, complaints))
      await context.close()
    }
    return {
      rows: [medianRow('sync.cold', 's', cold, '<= 1'), medianRow('sync.warm', 's', warm, '<= 0.5')],
      conditions: [
        `Chromium ${browser.version()} headless`,
        `sync: from the navigation until the fold of the ledger has ${JOBS} admitted jobs, every record verified; ${(bytes / 1_024).toFixed(0)} KiB of uncompressed script over loopback; cold: new profile each time`
      ]
    }
  }
}

/** Seconds since the navigation. */
async function synced(page: Page, id: string, report: (line: string) => void, complaints: readonly string[]): Promise<number> {
  const marks = await until(`${JOBS} jobs`, async () => {
    const known = await page.evaluate(() => ('syncPage' in globalThis ? syncPage.marks() : {}))
    return 'synced' in known ? known : null
  }).catch((cause: unknown) => {
    throw new Error(complaints.join('\n'), { cause })
  })
  const { jobs } = await page.evaluate(() => syncPage.told())
  if (jobs !== JOBS) throw new Error(`The ledger says ${jobs} jobs`)
  report(
    `${id}: ${Object.entries(marks)
      .sort(([, a], [, b]) => a - b)
      .map(([name, at]) => `${name} ${at.toFixed(0)}`)
      .join(', ')} ms`
  )
  return (marks['synced'] ?? Infinity) / 1_000
}
