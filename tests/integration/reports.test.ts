/** Hosts that leave, repeat themselves, report what is not theirs, or lie, and a job that is cancelled under them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostViewSchema, type HostView } from '@peercompute/job-specs'
import { QUEENS_SOLUTIONS } from '@peercompute/kernels'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { lie, startCli, startServer, startVolunteer, until, type TestServer } from '../harness/index.ts'
import { joinByHand, u32, unitsOf, type ProtocolHost } from './parts/protocol-host.ts'
import { publish, queensJob } from './parts/publish.ts'

let server: TestServer
const leaving: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  server = await startServer()
})
afterEach(async () => {
  for (const leave of leaving.splice(0)) await leave()
})
afterAll(() => server.stop())

async function enter(transport: 'http' | 'libp2p'): Promise<ProtocolHost> {
  const host = await joinByHand(server.url, transport)
  leaving.push(() => host.leave())
  return host
}

async function volunteer(name: string, options: Omit<Parameters<typeof startVolunteer>[1], 'name'> = {}) {
  const kernel = await startVolunteer(server.url, { name, ...options })
  leaving.push(() => kernel.stop())
  return kernel
}

const hosts = async (): Promise<readonly HostView[]> =>
  z.object({ hosts: z.array(hostViewSchema) }).parse(await server.get('/api/v1/hosts')).hosts
const cancel = async (id: string): Promise<void> => {
  expect((await fetch(`${server.url}/api/v1/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(200)
}
const one = (unit: number) => u32(unit % 3)

describe.each(['http', 'libp2p'] as const)('over %s', (transport) => {
  it('a result told twice counts once', async () => {
    const { id } = await publish(server.url, await queensJob(5, { title: transport, verification: { quorum: 2, independence: 'host' } }))
    const [first, second] = [await enter(transport), await enter(transport)]
    for (const host of [first, second]) {
      const lease = await host.lease(25)
      const { report, values } = await host.reportOf(lease, unitsOf(lease), one)
      const once = await host.session.report(report, values)
      expect(new Set(once.map(({ answer }) => answer))).toEqual(new Set(['accepted']))
      const again = await host.session.report(report, values)
      expect(again).toHaveLength(lease.count)
      expect(again.every(({ answer }) => answer === 'duplicate' || answer === 'late' || answer === 'job_closed')).toBe(true)
    }
    const sum = Array.from({ length: 25 }, (_, unit) => unit % 3).reduce((total, value) => total + value, 0)
    expect(await server.job(id)).toMatchObject({
      state: 'completed',
      units: { validated: 25 },
      reduced: { sum: String(sum) },
      executionsPerUnit: 2
    })
    const paid = (await hosts()).filter(({ host }) => [first, second].some(({ identity }) => identity.certificate.host === host))
    expect(paid.map(({ validated }) => validated)).toEqual([25, 25])
  })

  it('a report for units that the host does not hold is answered so, and changes nothing', async () => {
    const { id } = await publish(server.url, await queensJob(6, { title: transport }))
    const [holder, thief] = [await enter(transport), await enter(transport)]
    const lease = await holder.lease(6)
    const answersTo = async (host: ProtocolHost, claimed: typeof lease, units: readonly number[]) => {
      const { report, values } = await host.reportOf(claimed, units, one)
      return [...new Set((await host.session.report(report, values)).map(({ answer }) => answer))]
    }
    expect(await answersTo(thief, lease, unitsOf(lease))).toEqual(['not_held'])
    expect(await answersTo(thief, { ...lease, epoch: 4_711 }, unitsOf(lease))).toEqual(['not_held'])
    expect(await answersTo(holder, lease, [lease.start + lease.count, 35, 1_000_000])).toEqual(['not_held'])
    expect((await server.job(id)).units).toMatchObject({ validated: 0, inProgress: lease.count })
    expect(await answersTo(holder, lease, unitsOf(lease))).toEqual(['accepted'])
    await cancel(id)
  })

  it('a cancelled job with leases out: its hosts are told to stop, and what they still report is answered job_closed', async () => {
    const { id } = await publish(server.url, await queensJob(7, { title: transport }))
    const host = await enter(transport)
    const lease = await host.lease(7)
    const half = unitsOf(lease).slice(0, 3)
    const before = await host.reportOf(lease, half, one)
    await host.session.report(before.report, before.values)

    await cancel(id)
    if (transport === 'libp2p') await until('the stop', () => host.stops.length > 0)
    const after = await host.reportOf(lease, unitsOf(lease).slice(3), one)
    const answers = await host.session.report(after.report, after.values)
    expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(['job_closed']))
    await until('the stop', () => host.stops.length > 0)
    expect(host.stops).toEqual([{ job: id, why: 'job_cancelled' }])
    expect(await host.session.renew([lease])).toMatchObject([{ durationMs: 0 }])
    expect(await server.job(id)).toMatchObject({ state: 'cancelled', units: { validated: 3, inProgress: 0 }, hosts: 0 })
    expect((await hosts()).find((view) => view.host === host.identity.certificate.host)).toMatchObject({ unitsHeld: 0, validated: 3 })
  })
})

it('a real volunteer lets go of a cancelled job in the middle of its units, and takes the next one', async () => {
  const long = await publish(server.url, await queensJob(16))
  const kernel = await volunteer('obedient')
  await until('work in hand', () => kernel.snapshot().executors.some(({ busyUnits }) => busyUnits > 0))
  await cancel(long.id)
  await until('idle executors', () => kernel.snapshot().currentJobs.every((job) => job.id !== long.id))
  const next = await publish(server.url, await queensJob(8))
  await until('the end of the next job', async () => (await server.job(next.id)).state === 'completed')
  expect((await server.job(long.id)).state).toBe('cancelled')
})

it('a volunteer that is killed in the middle of its units: they are given out again at once, long before their deadline', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-killed-'))
  const killed = startCli(['volunteer', '--coordinator', server.url, '--data', folder, '--threads', '1'])
  try {
    await killed.line(/Lending/)
    const { id } = await publish(server.url, await queensJob(13, { verification: { quorum: 1, independence: 'host' } }))
    await until('units in its hands', async () => (await server.job(id)).units.inProgress > 0)
    await killed.end('SIGKILL')
    await until('free units', async () => (await server.job(id)).units.inProgress === 0, 5_000)
    expect((await hosts()).filter(({ agent, connected }) => agent.startsWith('peercompute/') && connected)).toEqual([])

    await volunteer('heir')
    await until('the end of the job', async () => (await server.job(id)).state === 'completed', 60_000)
    expect((await server.job(id)).reduced).toEqual({ kind: 'sum', sum: String(QUEENS_SOLUTIONS.get(13)) })
  } finally {
    await killed.end('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
})

it('a host that lies about everything changes nothing and earns nothing', async () => {
  const { id } = await publish(server.url, await queensJob(10, { verification: { quorum: 2, independence: 'host' } }))
  const liar = await volunteer('liar', { change: lie })
  await until('lies', () => liar.snapshot().unitsAccepted > 0)
  await volunteer('honest-1')
  await volunteer('honest-2')
  await until('the end of the job', async () => (await server.job(id)).state === 'completed', 60_000)
  expect((await server.job(id)).reduced).toEqual({ kind: 'sum', sum: String(QUEENS_SOLUTIONS.get(10)) })
  const view = (await hosts()).find(({ agent }) => agent === 'test/liar')
  expect(view).toMatchObject({ validated: 0, microCredits: 0 })
  expect(view?.rejected).toBeGreaterThan(0)
})
