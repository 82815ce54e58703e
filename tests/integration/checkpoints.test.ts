/** Saved states of long units: what a killed volunteer loses, and what another host may take over. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { resultRowSchema, sha256Hex, utf8, type ContentHash, type JobId, type Lease, type ResultRow } from '@peercompute/job-specs'
import { countingKernel, startCli, startServer, until, type TestServer } from '../harness/index.ts'
import { joinByHand, u32, type ProtocolHost } from './parts/protocol-host.ts'
import { ownJob, publish, queensJob } from './parts/publish.ts'

let server: TestServer
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-checkpoints-'))
  server = await startServer()
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The machine may be twice as fast in the test as it was when the steps were measured, with another file beside it. */
const WORK_MS = 16_000
const SAVES = 3
const { text, steps, sum: wanted } = countingKernel(WORK_MS)

function countingJob(name: string) {
  return ownJob(
    name,
    { js: text },
    {
      unitCount: 1,
      outputs: [{ name: 'y', type: 'f32', shape: [2] }],
      limits: { unitSeconds: 120, outputBytes: 8, memoryBytes: 67_108_864 }
    }
  )
}

async function results(id: JobId): Promise<readonly ResultRow[]> {
  const text = await (await fetch(`${server.url}/api/v1/jobs/${id}/results?format=ndjson&limit=10`)).text()
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => resultRowSchema.parse(JSON.parse(line)))
}

async function settledRow(id: JobId): Promise<ResultRow> {
  await until('the settled unit', async () => (await server.job(id)).units.validated === 1, 60_000)
  const [row] = await results(id)
  if (row === undefined) throw new Error('The settled unit has no row')
  return row
}

/** Of a damaged state: worker-client/src/checkpoints/checkpoints.test.ts. */
it('a volunteer that is killed in the middle of a long unit and started again goes on under the same lease, loses at most 5 s, and is right', async () => {
  const data = join(folder, 'volunteer')
  const states = join(data, 'checkpoints')
  const savedAt = () => {
    const file = existsSync(states) ? readdirSync(states).find((name) => name.endsWith('-js.state')) : undefined
    return file === undefined ? 0 : statSync(join(states, file)).mtimeMs
  }
  const startVolunteer = () => startCli(['volunteer', '--coordinator', server.url, '--data', data, '--no-gpu', '--json'])
  const { id } = await publish(server.url, countingJob('counting'))

  const first = startVolunteer()
  try {
    // A host that has worked for less than 5 s is not waited for.
    for (let save = 1, before = 0; save <= SAVES; save++) {
      await until(`saved state ${save}`, () => savedAt() > before, 60_000)
      before = savedAt()
    }
    expect((await server.job(id)).units.validated).toBe(0)
  } finally {
    await first.end('SIGKILL')
  }
  expect(Date.now() - savedAt()).toBeLessThanOrEqual(5_000)
  const second = startVolunteer()
  try {
    const row = await settledRow(id)
    const [sum, from] = row.values['y'] ?? []
    expect(sum).toBe(wanted)
    expect(from).toBeLessThan(steps)
    expect(from).toBeGreaterThan(0)
    expect(row.votes.map(({ epoch }) => epoch)).toEqual([1])
    await until('the states of ended units to be gone', () => readdirSync(states).length === 0)
  } finally {
    await second.end()
  }
}, 120_000)

const STATE = utf8('what was computed so far')
const STATE_HASH = sha256Hex(STATE) as ContentHash

async function longJob(): Promise<JobId> {
  const verification = { quorum: 2, independence: 'host' as const }
  const limits = { unitSeconds: 600, outputBytes: 4, memoryBytes: 1_048_576 }
  const { spec, blobs } = await queensJob(5, { verification })
  return (await publish(server.url, { spec: { ...spec, unitCount: 1, limits }, blobs })).id
}

async function hosts(count: number): Promise<ProtocolHost[]> {
  return Promise.all(Array.from({ length: count }, () => joinByHand(server.url, 'http')))
}

async function tell(host: ProtocolHost, lease: Lease, value: number) {
  const { report, values } = await host.reportOf(lease, [lease.start], () => u32(value))
  return host.session.report(report, values)
}

async function handOver(host: ProtocolHost, { job, epoch, start }: Lease, state: Uint8Array = STATE): Promise<boolean> {
  return host.session.checkpoint({ job, epoch, unit: start, sha256: sha256Hex(state) as ContentHash, bytes: state.length }, state)
}

it('another host goes on from a state that was handed over, and what comes of it counts once', async () => {
  const id = await longJob()
  const all = await hosts(3)
  const [saver, resumer, third] = all
  if (saver === undefined || resumer === undefined || third === undefined) throw new Error('three hosts were wanted')
  const saving = await saver.lease(1)
  expect(await handOver(saver, saving)).toBe(true)
  await saver.session.release(saving)
  const resuming = await resumer.lease(1)
  expect(resuming).toMatchObject({ job: id, count: 1, checkpoint: STATE_HASH })
  const state = await fetch(`${server.url}/api/v1/blobs/${STATE_HASH}`)
  expect(new Uint8Array(await state.arrayBuffer())).toEqual(STATE)
  await tell(resumer, resuming, 7)
  // The opinion of both: none of them is asked for the other one.
  for (const host of [saver, resumer])
    expect((await host.session.ask({ executor: 'js', units: 1, seconds: 0, knownJobs: [] })).leases).toEqual([])
  expect((await server.job(id)).units.validated).toBe(0)
  const fresh = await third.lease(1)
  expect(fresh.checkpoint).toBeUndefined()
  await tell(third, fresh, 7)
  expect((await settledRow(id)).votes.map(({ host }) => host).sort()).toEqual(
    [resumer, third].map(({ identity }) => identity.certificate.host).sort()
  )
  await Promise.all(all.map((host) => host.leave()))
})

it('a state that a liar forged does not settle a wrong unit at quorum 2, whoever goes on from it, also when the coordinator is killed', async () => {
  const id = await longJob()
  const all = await hosts(4)
  const [liar, misled, third, fourth] = all
  if (liar === undefined || misled === undefined || third === undefined || fourth === undefined) throw new Error('four hosts were wanted')
  const saving = await liar.lease(1)
  expect(await handOver(liar, saving, utf8('a lie'))).toBe(true)
  await liar.session.release(saving)
  const resuming = await misled.lease(1)
  expect(resuming.checkpoint).toBe(sha256Hex(utf8('a lie')))
  await tell(misled, resuming, 666)
  expect((await liar.session.ask({ executor: 'js', units: 1, seconds: 0, knownJobs: [] })).leases).toEqual([])
  await server.killAndRestart()
  const again = await hosts(2)
  for (const host of again) await tell(host, await host.lease(1), 7)
  const { values, votes } = await settledRow(id)
  expect(Object.values(values)).toEqual([[7]])
  expect(votes.map(({ verdict }) => verdict).sort()).toEqual(['agrees', 'canonical', 'rejected'])
  await Promise.all([...all, ...again].map((host) => host.leave()))
})

it('refuses a state with other bytes than it announces', async () => {
  const id = await longJob()
  const [host] = await hosts(1)
  if (host === undefined) throw new Error('a host was wanted')
  const lease = await host.lease(1)
  expect(lease.job).toBe(id)
  const name = { job: lease.job, epoch: lease.epoch, unit: lease.start, sha256: STATE_HASH, bytes: STATE.length }
  await expect(host.session.checkpoint(name, utf8('some other bytes of it, 24'.slice(0, STATE.length)))).rejects.toMatchObject({
    code: 'BLOB_MISMATCH'
  })
  await host.leave()
})
