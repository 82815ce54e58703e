/**
 * The ledger outlives its coordinator: while that is dead, volunteers finish and keep what they hold, go on finding each other through
 * another relay, and hand the ledger to a newcomer; when it is back, everything is delivered once.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { hostViewSchema, resultRowSchema } from '@peercompute/job-specs'
import type { NodeKernel } from '@peercompute/worker-client/node'
import { afterEach, expect, it } from 'vitest'
import { startCliRelay } from '../harness/cli-relay.ts'
import { startVolunteer } from '../harness/honest-and-lying.ts'
import { createLab, reaches } from '../harness/lab.ts'
import { runCli } from '../harness/process.ts'
import { startServer } from '../harness/server.ts'
import { until } from '../harness/until.ts'

const UNITS = 48
const JOB = `peercompute: 1
name: seahorses
kernel: mandelbrot
params: { centerX: -200000000, centerY: 30000000, width: 60000000, columns: 8, rows: 6, maxIterations: 16000 }
verification: { quorum: 2, independence: host }
`

const lab = createLab()
afterEach(() => lab.end())

const hashOf = (kernel: NodeKernel): string => kernel.state.ledger.foldHash()
const inHand = (kernel: NodeKernel): number => kernel.snapshot().executors.reduce((sum, { busyUnits }) => sum + busyUnits, 0)
const peerOf = (kernel: NodeKernel): string => kernel.network.peerNetwork()?.report().peer ?? ''

/** Says how long each part took, for whoever has to find out why it takes longer one day. */
function stopwatch(): (part: string) => void {
  let last = performance.now()
  return (part) => {
    const now = performance.now()
    process.stdout.write(`${part}: ${Math.round(now - last)} ms\n`)
    last = now
  }
}

it('goes on without its coordinator, and owes it nothing afterwards', async () => {
  const took = stopwatch()
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-away-'))
  lab.after(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  writeFileSync(join(folder, 'job.yaml'), JOB)
  const relay = await startCliRelay()
  lab.after(() => relay.stop())
  const server = await startServer({ args: ['--also-relay', relay.address] })
  lab.after(() => server.stop())
  const published = await runCli(['submit', folder, '--coordinator', server.url, '--json'], { XDG_CONFIG_HOME: folder })
  expect(published.code, published.stderr).toBe(0)
  const [id] = await server.jobIds()
  if (id === undefined) throw new Error('the job was not published')

  const kernels = await Promise.all(['one', 'two'].map((name) => startVolunteer(server.url, { name })))
  for (const kernel of kernels) lab.after(() => kernel.stop())
  await until('the further relay is reached', () =>
    kernels.every((kernel) => kernel.network.peerNetwork()?.peers().includes(relay.peer) === true)
  )
  await until('some settled units', async () => (await server.job(id)).units.validated >= 5, 90_000)
  await until('both hold work', () => kernels.every((kernel) => inHand(kernel) > 0))

  took('under way')
  await server.process.end('SIGKILL')
  await until('both have finished what they hold', () => kernels.every((kernel) => inHand(kernel) === 0)).catch((cause: unknown) => {
    throw new Error(JSON.stringify(kernels.map((kernel) => kernel.snapshot())), { cause })
  })
  // whoever had delivered its last results a moment before keeps none
  expect(kernels.some((kernel) => kernel.snapshot().reportsWaiting > 0)).toBe(true)
  const computed = kernels.map((kernel) => kernel.snapshot().unitsDone)

  took('finished what was held')
  // A newcomer knows the further relay only: the coordinator tells nobody anything now.
  const newcomer = await lab.peer({ relays: [relay.address] })
  await reaches(newcomer, relay)
  await until('the newcomer and the volunteers know each other', async () => {
    const known = await newcomer.call('known')
    return kernels.every((kernel) => known.includes(peerOf(kernel)) && kernel.network.peerNetwork()?.peers().includes(newcomer.id) === true)
  })
  took('the newcomer is known')
  await until('the newcomer holds the ledger', async () => {
    const { hash, records } = await newcomer.call('ledger')
    return records > 0 && kernels.every((kernel) => hashOf(kernel) === hash)
  })
  expect(kernels.map((kernel) => kernel.snapshot().unitsDone)).toEqual(computed)

  took('the newcomer holds the ledger')
  await server.killAndRestart()
  took('the coordinator is back')
  await until('the end of the job', async () => (await server.job(id)).state === 'completed', 150_000)
  await until('nothing waits', () => kernels.every((kernel) => kernel.snapshot().reportsWaiting === 0))

  took('the job is complete')
  const text = await (await fetch(`${server.url}/api/v1/jobs/${id}/results?format=ndjson&limit=1000`)).text()
  const rows = text
    .trim()
    .split('\n')
    .map((line) => resultRowSchema.parse(JSON.parse(line)))
  expect(rows.map(({ unit }) => unit)).toEqual(Array.from({ length: UNITS }, (_, unit) => unit))
  const hosts = z.object({ hosts: z.array(hostViewSchema) }).parse(await server.get('/api/v1/hosts')).hosts
  expect(hosts).toHaveLength(2)
  for (const { host, validated, rejected, microCredits } of hosts) {
    const votes = rows.flatMap((row) => row.votes.filter((vote) => vote.host === host && vote.verdict !== 'rejected'))
    // once for each unit: no more opinions than units, and no less credit than opinions
    expect({ validated, rejected, votes: votes.length }).toEqual({ validated: UNITS, rejected: 0, votes: UNITS })
    expect(microCredits % UNITS).toBe(0)
    expect(microCredits).toBe(hosts[0]?.microCredits)
  }
  await until('the ledger says the same everywhere', async () => {
    const { hash } = await newcomer.call('ledger')
    return kernels.every((kernel) => hashOf(kernel) === hash)
  })
  took('one ledger')
})
