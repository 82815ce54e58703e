/**
 * The main job with everything that goes wrong in a day: two tabs and a headless volunteer compute one picture, a liar takes part,
 * a tab is closed in the middle of a unit, and the coordinator is killed in the middle of the job.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { hostViewSchema, resultRowSchema, sha256Hex, type HostView, type ResultRow } from '@peercompute/job-specs'
import { kernelFile } from '@peercompute/kernels/files'
import { launchChromium, lendTab, lie, runCli, startServer, startVolunteer, until, type TestServer } from '../harness/index.ts'

const JOB = `peercompute: 1
name: seahorses
title: A corner of the Mandelbrot set
kernel: mandelbrot
params: { centerX: -200000000, centerY: 30000000, width: 60000000, columns: 12, rows: 8, maxIterations: 6000 }
verification: { quorum: 2, independence: host }
`
const rowsSchema = z.array(resultRowSchema)

let server: TestServer
let browser: Browser
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-e2e-'))
  writeFileSync(join(folder, 'job.yaml'), JOB)
  ;[server, browser] = await Promise.all([startServer(), launchChromium()])
})
afterAll(async () => {
  await browser.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const hosts = async (): Promise<HostView[]> => z.object({ hosts: z.array(hostViewSchema) }).parse(await server.get('/api/v1/hosts')).hosts
async function results(id: string): Promise<ResultRow[]> {
  const text = await (await fetch(`${server.url}/api/v1/jobs/${id}/results?format=ndjson&limit=1000`)).text()
  return rowsSchema.parse(
    text
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line))
  )
}

it('two tabs finish a job although one is closed mid-unit, a third host always lies, and the coordinator is killed', async () => {
  const published = await runCli(['submit', folder, '--coordinator', server.url, '--json'], { XDG_CONFIG_HOME: folder })
  expect(published.code, published.stderr).toBe(0)
  const [id] = await server.jobIds()
  if (id === undefined) throw new Error('the job was not published')

  const first = await lendTab(await browser.newContext(), server.url)
  const second = await lendTab(await browser.newContext(), server.url)
  const liar = await startVolunteer(server.url, { name: 'liar', change: lie })

  // The first tab closes while it holds units.
  await until('results of both tabs', async () => (await first.tilesDone()) > 0 && (await second.tilesDone()) > 0, 60_000)
  await until('units in the hands of the first tab', async () => (await first.tilesInHand()) > 0)
  await first.page.context().close()
  const honest = await startVolunteer(server.url, { name: 'headless' })

  await until('some settled units', async () => (await server.job(id)).units.validated >= 5, 90_000)
  const before = await results(id)
  await server.killAndRestart()
  const after = new Map((await results(id)).map((row) => [row.unit, row.digest]))
  for (const row of before) expect(after.get(row.unit)).toBe(row.digest)

  await until('the end of the job', async () => (await server.job(id)).state === 'completed', 150_000)
  await Promise.all([liar.stop(), honest.stop()])

  const rows = await results(id)
  expect(rows).toHaveLength(96)
  const all = await hosts()
  const liars = new Set(all.filter((host) => host.agent === 'test/liar').map((host) => host.host))
  expect(liars.size).toBe(1)
  for (const host of all) if (liars.has(host.host)) expect(host).toMatchObject({ validated: 0, microCredits: 0 })
  const valid = rows.flatMap((row) => row.votes.filter((vote) => vote.verdict !== 'rejected'))
  expect(valid.filter((vote) => liars.has(vote.host))).toEqual([])
  expect(new Set(valid.map((vote) => vote.executor))).toContain('webgpu')
  expect(valid.some((vote) => vote.executor === 'wasm' || vote.executor === 'js')).toBe(true)
  for (const row of rows)
    expect(new Set(row.votes.filter((vote) => vote.verdict !== 'rejected').map((vote) => vote.host)).size).toBeGreaterThanOrEqual(2)

  // The picture is the right one: a fresh run of the JavaScript twin gives the digests of sampled units.
  const spec = (await server.job(id)).spec
  const module: unknown = await import(pathToFileURL(kernelFile('mandelbrot', 'kernel.js')).href)
  const { default: compute } = z
    .object({ default: z.custom<(task: object) => { iterations: Uint32Array }>((value) => typeof value === 'function') })
    .parse(module)
  for (const unit of [0, 37, 95]) {
    const { iterations } = compute({ unit, params: spec.params, inputs: {} })
    expect(rows[unit]?.digest).toBe(sha256Hex(new Uint8Array(iterations.buffer)))
  }
  // The coordinator was away for a while, and Chromium does not know every directive of the sandbox's policy.
  expect(second.complaints.filter((text) => !/Failed to load resource|WebSocket|ERR_|directive 'webrtc'/.test(text))).toEqual([])
}, 420_000)
