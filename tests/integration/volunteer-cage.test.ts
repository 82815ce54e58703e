/** The programs of a stranger at a real `peercompute volunteer`: computed in its cage, and gone with it. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { blobRef } from '@peercompute/job-specs'
import { isKnownKernel, QUEENS_SOLUTIONS } from '@peercompute/kernels'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { runCli, startCli, startServer, until, type RunningProcess, type TestServer } from '../harness/index.ts'
import { ownJob, publish, queensJob, type JobToPublish } from './parts/publish.ts'

let server: TestServer
let home: string
beforeAll(async () => {
  server = await startServer()
  home = await mkdtemp(join(tmpdir(), 'peercompute-cage-test-'))
})
afterAll(async () => {
  await server.stop()
  await rm(home, { recursive: true, force: true })
})

function volunteer(name: string, ...more: readonly string[]): RunningProcess {
  return startCli(['volunteer', '--coordinator', server.url, '--data', join(home, name), '--threads', '1', '--no-gpu', ...more])
}

/** The queens in a module that nobody has reviewed: with a section of its own, it has another hash and computes the same. */
async function strangeWasm(n: number): Promise<JobToPublish> {
  const { spec, blobs } = await queensJob(n)
  const known = [...blobs].find(([hash]) => hash === spec.kernel.wasm?.blob.sha256)?.[1]
  if (known === undefined) throw new Error('no module')
  const bytes = new Uint8Array([...known, 0, 3, 2, 0x68, 0x69])
  const blob = blobRef(bytes)
  return {
    spec: { ...spec, name: 'strange-queens', kernel: { name: 'strange', abi: 1, wasm: { blob } } },
    blobs: new Map([...blobs, [blob.sha256, bytes]])
  }
}

const lentSchema = z.looseObject({ cage: z.enum(['deno', 'bubblewrap']).nullable(), notLent: z.array(z.string()) })

/** Processes below this one, by their parents' word. */
async function below(pid: number): Promise<number[]> {
  const all = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
        return { pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ', 1)[0]) }
      })
  )
  return all.filter(({ parent }) => parent === pid).map((child) => child.pid)
}

describe('peercompute volunteer', () => {
  it("computes a stranger's JavaScript and WASM, and says where", async () => {
    const running = volunteer('json', '--json')
    try {
      const [line] = await running.line(/^\{.*"cage".*$/m)
      const lent = lentSchema.parse(JSON.parse(line))
      expect(lent).toMatchObject({ cage: 'deno', notLent: [] })
      const js = await publish(
        server.url,
        ownJob('strange-js', { js: 'export default ({ unit }) => ({ y: new Float32Array([unit + 0.5]) })' })
      )
      const strange = await strangeWasm(6)
      expect(isKnownKernel(strange.spec.kernel)).toBe(false)
      const wasm = await publish(server.url, strange)
      await until(
        'both jobs',
        async () => {
          const states = await Promise.all([js.id, wasm.id].map(async (id) => (await server.job(id)).state))
          return states.every((state) => state === 'completed')
        },
        60_000
      )
      expect((await server.job(wasm.id)).reduced).toMatchObject({ sum: String(QUEENS_SOLUTIONS.get(6)) })
    } finally {
      running.child.kill('SIGINT')
      expect((await running.ended).code).toBe(0)
    }
  })

  it('names its cage in the first line; a cage that is not there is refused with the remedy', async () => {
    const running = volunteer('text', '--cage', 'deno')
    await running.line(/^Lending 1 × wasm or js \(in a cage of Deno without permissions\) to /)
    running.child.kill('SIGINT')
    expect((await running.ended).code).toBe(0)
    const { code, stderr } = await runCli(
      ['volunteer', '--coordinator', server.url, '--data', join(home, 'missing'), '--cage', 'bubblewrap', '--no-gpu'],
      { PEERCOMPUTE_BUBBLEWRAP: join(home, 'nothing') }
    )
    expect({ code, stderr }).toEqual({ code: 9, stderr: expect.stringContaining('apt-get install bubblewrap') as string })
  })

  it.runIf(process.platform === 'linux')('leaves no process behind when it is killed while a program spins', async () => {
    const running = volunteer('killed')
    const hot = ownJob(
      'spins',
      { js: 'export default () => { for (;;); }' },
      { limits: { unitSeconds: 600, outputBytes: 4, memoryBytes: 1_048_576 } }
    )
    await running.line(/^Lending/)
    const { id } = await publish(server.url, hot)
    await until('the spinning program', async () => (await server.job(id)).units.inProgress > 0, 60_000)
    const pid = running.child.pid ?? 0
    const children = await until('its process', async () => {
      const found = await below(pid)
      return found.length > 0 ? found : null
    })
    expect(children.map((child) => getPriority(child))).toEqual(children.map(() => 10))
    running.child.kill('SIGKILL')
    await running.ended
    await until('the end of the cage', async () => {
      const left = await Promise.all(
        children.map((child) =>
          readFile(`/proc/${child}/stat`, 'utf8').then(
            (stat) => !/\) Z /.test(stat),
            () => false
          )
        )
      )
      return left.every((alive) => !alive)
    })
  })
})
