import { expect, it, vi } from 'vitest'
import { PeerComputeError, sha256Hex, type ContentHash, type LiveEvent } from '@peercompute/job-specs'
import { createMemoryStore, STRAGGLING_MS_MIN, type CoordinatorStore } from '../core/index.ts'
import type { Settlement } from '../coordinator.ts'
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { createCoordinator, EXPIRE_INTERVAL_MS } from './coordinator.ts'

function start(store: CoordinatorStore = createMemoryStore(), has: (sha256: string) => boolean = () => true) {
  return createCoordinator({ store, now: () => 1_000, random: () => 0.5, hasBlob: (sha256) => Promise.resolve(has(sha256)) })
}

async function settleAll(coordinator: ReturnType<typeof start>, hosts = ['a', 'b']): Promise<void> {
  for (const name of hosts) {
    const host = connectedHost(name)
    await coordinator.hostConnected(host)
    for (const lease of (await coordinator.ask(host.host, { executor: 'js', units: 4, seconds: 0 })).leases) {
      const { report, values } = reportOf(
        host.host,
        lease,
        Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
      )
      await coordinator.report(report, Buffer.concat(values))
    }
  }
}

it('requests that arrive together share one transaction, and none is answered before it', async () => {
  const store = createMemoryStore()
  const commits: number[] = []
  const coordinator = start({
    ...store,
    commit: (events, state) => {
      commits.push(events.length)
      store.commit(events, state)
    }
  })
  await Promise.all(['a', 'b', 'c'].map((name) => coordinator.hostConnected(connectedHost(name))))
  expect(commits).toEqual([3])
  await coordinator.close()
})

it('when the disk is full nothing is acknowledged, the state goes back, and it works again later', async () => {
  const store = createMemoryStore()
  let full = false
  const coordinator = start({
    ...store,
    commit: (events, state) => {
      if (full) throw new PeerComputeError('STORE_FULL', 'test')
      store.commit(events, state)
    }
  })
  const { job, signed } = unsigned(smallSpec())
  full = true
  await expect(coordinator.submit(signed, false)).rejects.toMatchObject({ code: 'STORE_FULL' })
  expect(coordinator.jobs({ limit: 10 }).items).toEqual([])
  full = false
  expect(await coordinator.submit(signed, false)).toMatchObject({ id: job, created: true, state: 'running' })
  await settleAll(coordinator)
  expect(coordinator.job(job).state).toBe('completed')
  await coordinator.close()
})

it('the same job twice is the same job; a job waits for its blobs and starts when the last one comes', async () => {
  const present = new Set<string>()
  const coordinator = start(createMemoryStore(), (sha256) => present.has(sha256))
  const { signed } = unsigned(smallSpec())
  const first = await coordinator.submit(signed, false)
  expect(first).toMatchObject({ state: 'queued', created: true })
  expect(first.missingBlobs).toHaveLength(2)
  expect(coordinator.why(first.id).code).toBe('job_queued')
  for (const sha256 of first.missingBlobs) {
    present.add(sha256)
    await coordinator.blobArrived(sha256)
  }
  expect(await coordinator.submit(signed, false)).toMatchObject({ id: first.id, created: false, state: 'running', missingBlobs: [] })
  await coordinator.close()
})

it('results, values, live events and settlements tell the same story', async () => {
  const coordinator = start()
  const { job, signed } = unsigned(smallSpec())
  const settlements: Settlement[] = []
  coordinator.onSettlement((settlement) => settlements.push(settlement))
  const units = new Promise<LiveEvent>((resolve) =>
    coordinator.onLive((event) => {
      if (event.event === 'units') resolve(event)
    })
  )
  await coordinator.submit(signed, false)
  await settleAll(coordinator)
  const { rows, next } = await coordinator.results(job, { from: 1, limit: 2 })
  expect(rows.map((row) => [row.unit, row.values['count'], row.votes.map((vote) => vote.verdict)])).toEqual([
    [1, [1], ['canonical', 'agrees']],
    [2, [2], ['canonical', 'agrees']]
  ])
  expect(next).toBe(3)
  expect((await coordinator.values(job, { start: 2, count: 1 })).map(({ unit, value }) => [unit, [...value]])).toEqual([[2, [2, 0, 0, 0]]])
  expect(await units).toEqual({ event: 'units', data: { job, ranges: [[0, 4]] } })
  expect(settlements.map((settlement) => settlement.kind)).toEqual(['admitted', 'settled', 'credit', 'credit', 'ended'])
  expect(settlements[1]).toMatchObject({ start: 0, digests: [0, 1, 2, 3].map((n) => sha256Hex(u32(n)) as ContentHash) })
  await coordinator.close()
})

it('a host that others have overtaken is named, so that it can be told to stop', async () => {
  let now = 1_000
  const coordinator = createCoordinator({
    store: createMemoryStore(),
    now: () => now,
    random: () => 0.5,
    hasBlob: () => Promise.resolve(true)
  })
  const { job, signed } = unsigned(smallSpec({ unitCount: 1, verification: { quorum: 1 } }))
  const [slow, quick] = [connectedHost('slow'), connectedHost('quick')]
  const settlements: Settlement[] = []
  coordinator.onSettlement((settlement) => settlements.push(settlement))
  await coordinator.submit(signed, false)
  for (const host of [slow, quick]) await coordinator.hostConnected(host)
  const wish = { executor: 'js' as const, units: 1, seconds: 0 }
  const [lost] = (await coordinator.ask(slow.host, wish)).leases
  now += STRAGGLING_MS_MIN + 1
  const [won] = await vi.waitUntil(async () => {
    const { leases } = await coordinator.ask(quick.host, wish)
    return leases.length > 0 && leases
  }, EXPIRE_INTERVAL_MS * 10)
  if (lost === undefined || won === undefined) throw new Error('no lease')
  const { report, values } = reportOf(quick.host, won, [{ unit: 0, value: u32(0) }])
  await coordinator.report(report, Buffer.concat(values))
  expect(settlements).toContainEqual({ kind: 'overtaken', job, epoch: lost.epoch, host: slow.host })
  expect(coordinator.job(job).state).toBe('completed')
  await coordinator.close()
})

it('a value that does not add up to its announced length is refused as a whole', async () => {
  const coordinator = start()
  const { signed } = unsigned(smallSpec())
  await coordinator.submit(signed, false)
  const host = connectedHost('a')
  await coordinator.hostConnected(host)
  const [lease] = (await coordinator.ask(host.host, { executor: 'js', units: 1, seconds: 0 })).leases
  if (lease === undefined) throw new Error('no lease')
  const { report } = reportOf(host.host, lease, [{ unit: 0, value: u32(0) }])
  await expect(coordinator.report(report, new Uint8Array(9))).rejects.toMatchObject({ code: 'FRAME_INVALID' })
  await coordinator.close()
})

it('unknown jobs, hosts and units are refused with their codes', async () => {
  const coordinator = start()
  const { job, signed } = unsigned(smallSpec())
  expect(() => coordinator.job(job)).toThrow('There is no such job')
  await coordinator.submit(signed, false)
  expect(() => coordinator.why(job, 4)).toThrow('the job has units 0 to 3, not 4')
  expect(() => coordinator.whyHost(connectedHost('x').host)).toThrow('nothing at this address')
  await expect(coordinator.ask(connectedHost('x').host, { executor: 'js', units: 1, seconds: 0 })).rejects.toMatchObject({
    code: 'HELLO_REQUIRED'
  })
  await coordinator.close()
})
