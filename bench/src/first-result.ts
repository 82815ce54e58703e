/**
 * From nothing to the first verified result: a fresh clone, an installed tree, a page, a published job. Everything is the real thing,
 * started the way a person starts it.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Browser } from 'playwright-core'
import { jobPageSchema, type JobSummary } from '@peercompute/job-specs'
import { launchChromium, lendTab, runCli, startServer, startVolunteer, until } from '@peercompute/tests'
import { medianRow, type Bench, type Part, type Row, type Run } from './bench.ts'
import { publish } from './publish.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const SAMPLES = 5
const PUBLISHED = 20

const seconds = (from: number): number => (performance.now() - from) / 1_000

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function sampleJob(port: number): Promise<JobSummary | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/jobs`).catch(() => undefined)
  return answer?.ok === true ? jobPageSchema.parse(await answer.json()).jobs[0] : undefined
}

/** Seconds from the start of the command to its first verified unit and to the complete sample job. */
async function timeStart(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  timeoutMs: number
): Promise<{ first: number; complete: number }> {
  const port = await freePort()
  const data = mkdtempSync(join(tmpdir(), 'peercompute-bench-'))
  const from = performance.now()
  const child = spawn(command, [...args, '--port', String(port), '--data', data], { cwd, env, stdio: 'ignore', detached: true })
  const closed = once(child, 'close')
  try {
    await until('the first verified unit', async () => ((await sampleJob(port))?.units.validated ?? 0) > 0, timeoutMs)
    const first = seconds(from)
    await until('the complete sample job', async () => (await sampleJob(port))?.state === 'completed', timeoutMs)
    return { first, complete: seconds(from) }
  } finally {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT')
    await closed
    rmSync(data, { recursive: true, force: true })
  }
}

async function freshClone(report: (line: string) => void): Promise<Row> {
  const samples: number[] = []
  // As on a machine that has never seen the project: without the Node that npm puts on the PATH here.
  const path = (process.env['PATH'] ?? '')
    .split(':')
    .filter((part) => !part.includes('node_modules'))
    .join(':')
  for (let i = 0; i < SAMPLES; i++) {
    const folder = mkdtempSync(join(tmpdir(), 'peercompute-clone-'))
    try {
      const from = performance.now()
      execFileSync('git', ['clone', '--quiet', ROOT, folder])
      const cloned = seconds(from)
      const { first } = await timeStart('npm', ['start', '--'], folder, { ...process.env, PATH: path }, 600_000)
      samples.push(cloned + first)
      report(`start.fresh ${(cloned + first).toFixed(1)} s`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return medianRow('start.fresh', 's', samples, '<= 240')
}

async function installedTree(report: (line: string) => void): Promise<Row[]> {
  const first: number[] = []
  const complete: number[] = []
  for (let i = 0; i < SAMPLES; i++) {
    const took = await timeStart(process.execPath, [join(ROOT, 'cli/src/main.mjs'), 'start'], ROOT, process.env, 180_000)
    first.push(took.first)
    complete.push(took.complete)
    report(`start.first-unit ${took.first.toFixed(2)} s, start.complete ${took.complete.toFixed(2)} s`)
  }
  return [medianRow('start.first-unit', 's', first, '<= 5'), medianRow('start.complete', 's', complete, '<= 60')]
}

/** From the page's address to the first tile done: cold in a new profile, warm when the profile has computed here before. */
async function pages(browser: Browser, report: (line: string) => void): Promise<Row[]> {
  const server = await startServer()
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-bench-'))
  const cold: number[] = []
  const warm: number[] = []
  try {
    writeFileSync(
      join(folder, 'job.yaml'),
      'peercompute: 1\nname: endless\ntitle: A long job\nkernel: mandelbrot\nparams: { columns: 256, rows: 256 }\nverification: { quorum: 2, independence: host }\n'
    )
    const published = await runCli(['submit', folder, '--coordinator', server.url, '--json'], { XDG_CONFIG_HOME: folder })
    if (published.code !== 0) throw new Error(published.stderr)
    for (let i = 0; i < SAMPLES; i++) {
      const context = await browser.newContext()
      for (const samples of [cold, warm]) {
        const from = performance.now()
        const tab = await lendTab(context, server.url)
        await until('the first tile', async () => (await tab.tilesDone()) > 0)
        samples.push(seconds(from))
        await tab.page.close()
      }
      await context.close()
      report(`page.cold ${(cold.at(-1) ?? 0).toFixed(2)} s, page.warm ${(warm.at(-1) ?? 0).toFixed(2)} s`)
    }
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return [medianRow('page.cold', 's', cold, '<= 5'), medianRow('page.warm', 's', warm, '<= 2')]
}

/** From the start of the submission (blobs known, volunteers idle) to its first verified unit, as a reader of the events sees it. */
async function publishToVerified(report: (line: string) => void): Promise<Row> {
  const server = await startServer()
  const volunteers = await Promise.all(['one', 'two'].map((name) => startVolunteer(server.url, { name })))
  const samples: number[] = []
  try {
    await until('two idle volunteers', () => volunteers.every((volunteer) => volunteer.snapshot().state === 'idle'))
    for (let i = 0; i <= PUBLISHED; i++) {
      const took = await publish(server.url, i + 1)
      // The first one uploads the kernel and warms everything up.
      if (i > 0) samples.push(took)
      await until('idle volunteers', () => volunteers.every((volunteer) => volunteer.snapshot().state === 'idle'))
    }
    report(`publish.verified ${samples.map((sample) => sample.toFixed(3)).join(' ')} s`)
  } finally {
    await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
    await server.stop()
  }
  return medianRow('publish.verified', 's', samples, '<= 1')
}

const CONDITIONS = ['everything on one machine over loopback', 'SQLite synchronous=FULL', 'packages from the registry that npm is set to']

async function inChromium({ report, after }: Run): ReturnType<Part['measure']> {
  const browser = await launchChromium()
  after(() => browser.close())
  return {
    rows: await pages(browser, report),
    conditions: [`Chromium ${browser.version()} headless with WebGPU on SwiftShader`, ...CONDITIONS]
  }
}

export const firstResult: Bench = {
  name: 'first-result',
  summary: 'how long a newcomer, a volunteer and a researcher wait for the first verified unit',
  parts: [
    {
      ids: ['start.first-unit', 'start.complete'],
      limitSeconds: 900,
      measure: async ({ report }) => ({ rows: await installedTree(report), conditions: CONDITIONS })
    },
    { ids: ['page.cold', 'page.warm'], limitSeconds: 600, measure: inChromium },
    {
      ids: ['publish.verified'],
      limitSeconds: 300,
      measure: async ({ report }) => ({ rows: [await publishToVerified(report)], conditions: CONDITIONS })
    },
    {
      ids: ['start.fresh'],
      limitSeconds: 3_000,
      measure: async ({ report }) => ({ rows: [await freshClone(report)], conditions: CONDITIONS })
    }
  ]
}
