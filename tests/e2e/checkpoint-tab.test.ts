/** A tab that is closed in the middle of a long unit and opened again goes on from where it was. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { resultRowSchema } from '@peercompute/job-specs'
import { countingKernel, launchChromium, lendTab, startServer, until, type TestServer } from '../harness/index.ts'
import { ownJob, publish } from '../integration/parts/publish.ts'

/** A host that has worked for less than 5 s is not waited for. */
const CLOSED_AFTER_MS = 6_000
/** The machine may be twice as fast in the test as it was when the steps were measured. */
const WORK_MS = 14_000
const LOST_MS_MAX = 5_000

let server: TestServer
let browser: Browser
beforeAll(async () => {
  ;[server, browser] = await Promise.all([startServer(), launchChromium()])
})
afterAll(async () => {
  await browser.close()
  await server.stop()
})

/** When each state in the page's database was written, by `Date.now()`, latest last. */
const statesOf = (page: Page): Promise<readonly number[]> =>
  page.evaluate(
    () =>
      new Promise<number[]>((resolve, reject) => {
        const opening = indexedDB.open('peercompute')
        opening.onerror = () => {
          reject(new Error('The database does not open', { cause: opening.error }))
        }
        opening.onsuccess = () => {
          const database = opening.result
          const reading = database.transaction('checkpointSizes').objectStore('checkpointSizes').getAll()
          reading.onsuccess = () => {
            const kept = reading.result as readonly { readonly key: string; readonly at: number }[]
            database.close()
            resolve(
              kept
                .filter(({ key }) => key.endsWith('-js'))
                .map(({ at }) => at)
                .sort((a, b) => a - b)
            )
          }
        }
      })
  )

it('a tab that is closed in the middle of a long unit and opened again goes on under the same lease, loses at most 5 s, and is right', async () => {
  const kernel = countingKernel(WORK_MS)
  const job = ownJob(
    'counting',
    { js: kernel.text },
    {
      unitCount: 1,
      outputs: [{ name: 'y', type: 'f32', shape: [2] }],
      limits: { unitSeconds: 120, outputBytes: 8, memoryBytes: 67_108_864 }
    }
  )
  const context = await browser.newContext()
  const first = await lendTab(context, server.url)
  const { id } = await publish(server.url, job)
  const begun = await until('the first saved state', async () => (await statesOf(first.page))[0], 60_000)
  const closable = async (): Promise<number | null> => {
    const last = (await statesOf(first.page)).at(-1) ?? 0
    return last - begun >= CLOSED_AFTER_MS - 2_000 && last > 0 ? last : null
  }
  const savedAt = await until('a state of later', closable, 60_000)
  expect((await server.job(id)).units.validated).toBe(0)
  // Each state takes the place of the one before, so that there is no older one to go on from.
  expect(await statesOf(first.page)).toHaveLength(1)
  await first.page.close({ runBeforeUnload: false })
  expect(Date.now() - savedAt).toBeLessThanOrEqual(LOST_MS_MAX)

  const second = await lendTab(context, server.url)
  await until('the settled unit', async () => (await server.job(id)).units.validated === 1, 60_000).catch((cause: unknown) => {
    throw new Error(second.complaints.join('\n'), { cause })
  })
  const row = resultRowSchema.parse(JSON.parse(await (await fetch(`${server.url}/api/v1/jobs/${id}/results?format=ndjson&limit=1`)).text()))
  const [sum, from] = row.values['y'] ?? []
  expect(sum).toBe(kernel.sum)
  expect(from).toBeGreaterThan(0)
  expect(from).toBeLessThan(kernel.steps)
  expect(row.votes.map(({ epoch }) => epoch)).toEqual([1])
  await until('the states of ended units to be gone', async () => (await statesOf(second.page)).length === 0)
  await context.close()
})
