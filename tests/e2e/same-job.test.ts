/** A tab and a machine without a screen finish the same jobs of a stranger: every unit is computed by both, to the same bits. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isKnownKernel } from '@peercompute/kernels'
import { hostViewSchema, sha256Hex, type ExecutorKind } from '@peercompute/job-specs'
import { downloadUnitSchema } from '@peercompute/job-specs/download'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { launchChromium, lendTab, runCli, startCli, startServer, until, type RunningProcess, type TestServer } from '../harness/index.ts'
import { ownJob, publish, type OwnPrograms } from '../integration/parts/publish.ts'

const UNITS = 24
const NUMBERS = 64
/** Steps of each number of the unit until it comes to 1, by halving what is even and by tripling and adding one. */
const JS = `export default ({ unit }) => ({
  steps: Uint32Array.from({ length: ${NUMBERS} }, (_, place) => {
    let n = unit * ${NUMBERS} + place + 1
    let count = 0
    for (; n !== 1; count++) n = n % 2 === 0 ? n / 2 : 3 * n + 1
    return count
  })
})`
const WGSL = `
@group(1) @binding(0) var<storage, read_write> steps: array<u32>;
@compute @workgroup_size(1) fn main() {
  for (var place = 0u; place < ${NUMBERS}u; place++) {
    var n = launch.unit * ${NUMBERS}u + place + 1u;
    var count = 0u;
    while (n != 1u) {
      if ((n & 1u) == 0u) { n = n >> 1u; } else { n = 3u * n + 1u; }
      count++;
    }
    steps[place] = count;
  }
}`

/** In another way than the kernels: from what is known of smaller numbers. */
function knownSteps(): Uint32Array<ArrayBuffer> {
  const known = new Map([[1, 0]])
  const stepsOf = (n: number): number => {
    const found = known.get(n) ?? 1 + stepsOf((n & 1) === 0 ? n >> 1 : 3 * n + 1)
    known.set(n, found)
    return found
  }
  return Uint32Array.from({ length: UNITS * NUMBERS }, (_, index) => stepsOf(index + 1))
}

const lentSchema = z.looseObject({
  cage: z.enum(['deno', 'bubblewrap']),
  host: z.string(),
  executors: z.array(z.looseObject({ kind: z.string() }))
})
/** Chromium's WebGPU without a graphics card, for the machine without a screen as well. */
const DRIVERS = '/usr/lib/chromium'
const SOFTWARE = join(DRIVERS, 'vk_swiftshader_icd.json')

let home = ''
let server: TestServer
let browser: Browser
let headless: RunningProcess
let lent: z.infer<typeof lentSchema>
let tab = ''
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'peercompute-same-job-'))
  ;[server, browser] = await Promise.all([startServer(), launchChromium()])
  const args = ['volunteer', '--coordinator', server.url, '--data', join(home, 'volunteer'), '--cores', '1', '--json']
  headless = startCli(args, existsSync(SOFTWARE) ? { LD_LIBRARY_PATH: DRIVERS, VK_DRIVER_FILES: SOFTWARE } : {})
  const [line] = await headless.line(/^\{.*"cage".*$/m, 60_000)
  lent = lentSchema.parse(JSON.parse(line))
  await lendTab(await browser.newContext(), server.url)
  tab = await until('both hosts', async () => {
    const { hosts } = z.object({ hosts: z.array(hostViewSchema) }).parse(await server.get('/api/v1/hosts'))
    const connected = hosts.filter((each) => each.connected).map(({ host }) => host)
    return connected.some((host) => host === lent.host) ? connected.find((host) => host !== lent.host) : undefined
  })
})
afterAll(async () => {
  await browser.close()
  await headless.end('SIGINT')
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

/** Publishes, waits for the end, and gives the kinds of executors that computed. */
async function computedByBoth(name: string, programs: OwnPrograms): Promise<ReadonlySet<ExecutorKind>> {
  const job = ownJob(name, programs, {
    unitCount: UNITS,
    outputs: [{ name: 'steps', type: 'u32', shape: [NUMBERS] }],
    verification: { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 6 },
    limits: { unitSeconds: 10, outputBytes: NUMBERS * 4, memoryBytes: 1_048_576 }
  })
  expect(isKnownKernel(job.spec.kernel)).toBe(false)
  const { id } = await publish(server.url, job)
  await until('the end of the job', async () => (await server.job(id)).state === 'completed', 90_000)
  expect(await server.job(id)).toMatchObject({ failures: [], sameMachine: false })

  const download = join(home, `${name}.ndjson`)
  const remote = { PEERCOMPUTE_COORDINATOR: server.url, XDG_CONFIG_HOME: home }
  expect(await runCli(['results', id, '--format', 'verified', '--out', download], remote)).toMatchObject({ code: 0 })
  expect(await runCli(['verify', download, '--root', server.root], remote)).toMatchObject({ code: 0 })
  // Between head and end, a line for each unit.
  const lines = readFileSync(download, 'utf8').trim().split('\n').slice(1, -1)
  const settled = lines.map((line) => downloadUnitSchema.parse(JSON.parse(line)))
  expect(settled.map(({ receipt }) => receipt.unit)).toEqual(Array.from({ length: UNITS }, (_, unit) => unit))
  const known = knownSteps()
  for (const { receipt, values } of settled) {
    const steps = known.slice(receipt.unit * NUMBERS, (receipt.unit + 1) * NUMBERS)
    const digest = sha256Hex(new Uint8Array(steps.buffer))
    expect(values['steps']).toEqual([...steps])
    expect(receipt.digest).toBe(digest)
    expect(receipt.votes.map(({ host }) => host).toSorted()).toEqual([lent.host, tab].toSorted())
    expect(receipt.votes.map((vote) => vote.digest)).toEqual([digest, digest])
    expect(receipt.votes.map(({ verdict }) => verdict).toSorted()).toEqual(['agrees', 'canonical'])
  }
  return new Set(settled.flatMap(({ receipt }) => receipt.votes.map(({ executor }) => executor)))
}

it("a stranger's JavaScript", async () => {
  expect(await computedByBoth('collatz-js', { js: JS })).toEqual(new Set(['js']))
})

it("a stranger's JavaScript with a WGSL twin, whichever of the two a host takes", async () => {
  const kinds = await computedByBoth('collatz-twin', { js: JS, wgsl: WGSL })
  expect(['js', 'webgpu']).toEqual(expect.arrayContaining([...kinds]))
})

it("a stranger's WGSL, where this machine has a graphics card or Chromium's software", async ({ skip }) => {
  skip(!lent.executors.some(({ kind }) => kind === 'webgpu'), 'the headless volunteer found no adapter')
  expect(await computedByBoth('collatz-wgsl', { wgsl: WGSL })).toEqual(new Set(['webgpu']))
})
