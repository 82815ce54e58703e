/**
 * A tab that computes behind others for ten minutes: browsers slow the timers of a hidden page, after five minutes to one a minute. A lease
 * lasts 60 s, and each unit here takes 12 s, so leases that are not renewed in time run out, and their units are computed again.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchHidingBrowser, type HidingBrowser } from '../harness/hiding-browser.ts'
import { lendTab, runCli, startServer, until, type TestServer } from '../harness/index.ts'
import { lasting } from '../harness/lasting.ts'

const MINUTE_MS = 60_000
const MINUTES = Number(process.env['PEERCOMPUTE_SOAK_MINUTES'] ?? 10)
const UNIT_MS = 12_000
const JOB = `peercompute: 1
name: patience
title: Units that take twelve seconds
kernel: { name: patience, js: patience.js }
units: 1000
outputs: [{ name: unit, type: u32, shape: [1] }]
limits: { unitSeconds: 30 }
verification: { quorum: 1, independence: executor }
`
const PROGRAM = `export default async ({ unit }) => {
  await new Promise((resolve) => setTimeout(resolve, ${UNIT_MS}))
  return { unit: Uint32Array.of(unit) }
}
`

let server: TestServer
let desk: HidingBrowser
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-hidden-'))
  writeFileSync(join(folder, 'job.yaml'), JOB)
  writeFileSync(join(folder, 'patience.js'), PROGRAM)
  ;[server, desk] = await Promise.all([startServer(), launchHidingBrowser()])
})
afterAll(async () => {
  await desk.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

it(`keeps its leases and computes each unit once while it is hidden for ${MINUTES} minutes`, async () => {
  const published = await runCli(['submit', folder, '--coordinator', server.url, '--json'], { XDG_CONFIG_HOME: folder })
  expect(published.code, published.stderr).toBe(0)
  const [id] = await server.jobIds()
  if (id === undefined) throw new Error('the job was not published')
  const validated = async () => (await server.job(id)).units.validated

  const tab = await lendTab(desk.window, server.url)
  await until('the first unit', async () => (await validated()) > 0, 120_000)
  const front = await desk.window.newPage()
  await front.bringToFront()
  const isHidden = () => tab.page.evaluate(() => document.visibilityState === 'hidden')
  await until('the tab is hidden', isHidden)

  const before = await validated()
  const eachMinute: number[] = []
  for (let minute = 1; minute <= MINUTES; minute++) {
    const at = await validated()
    await lasting(MINUTE_MS)
    expect(await isHidden()).toBe(true)
    eachMinute.push((await validated()) - at)
  }
  const done = await tab.tilesDone()
  const settled = await validated()
  console.log(
    `hidden for ${MINUTES} min: ${settled - before} units validated, each minute ${eachMinute.join(' ')}; ${done} computed in all, ${settled} validated`
  )
  for (const units of eachMinute) expect(units).toBeGreaterThanOrEqual(2)
  // One may be on its way. A unit whose lease had run out would have been computed again.
  expect(done - settled).toBeLessThanOrEqual(2)
})
