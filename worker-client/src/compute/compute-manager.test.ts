import type { Executor, JobId } from '@peercompute/job-specs'
import { createFakeClock, until, type FakeClock } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Identity } from '../identity/identity.ts'
import { createJobCache } from '../jobs/job-cache.ts'
import { createMemoryOutboxStore } from '../outbox/memory-outbox-store.ts'
import { createOutbox, type Outbox } from '../outbox/outbox.ts'
import { createTestCoordinator, resultKey, type TestCoordinator } from '../test-support/test-coordinator.ts'
import { TEST_HOST, testIdentity } from '../test-support/test-identity.ts'
import { TEST_BLOBS, testJob, type TestJob } from '../test-support/test-job.ts'
import { createTestWorker, type TestWorker } from '../test-support/test-worker.ts'
import { RECONNECT_BACKOFF } from '../reconnect-backoff.ts'
import { openWorkSession, type WorkSession } from '../work/work-session.ts'
import type { ComputeWorker } from './compute-worker.ts'
import { createComputeManager, HOLD_MS, type ComputeManager } from './compute-manager.ts'

let coordinator: TestCoordinator
let identity: Identity
let clock: FakeClock
let outbox: Outbox
let job: TestJob
let worker: TestWorker
let manager: ComputeManager
let session: WorkSession

beforeEach(async () => {
  coordinator = await createTestCoordinator()
  identity = await testIdentity()
  clock = createFakeClock()
  outbox = await createOutbox({ store: createMemoryOutboxStore(), host: identity.certificate.host })
  job = await testJob(identity.account)
  await build()
})
afterEach(async () => {
  let over = false
  const stopping = manager.stop().finally(() => {
    over = true
  })
  await until(() => {
    clock.advance(1_000)
    return over
  })
  await stopping
})

async function build(executor: Partial<Executor> = {}, run?: ComputeWorker['run']): Promise<void> {
  worker = createTestWorker(executor)
  manager = createComputeManager({
    workers: [run === undefined ? worker : { ...worker, run }],
    identity,
    outbox,
    clock,
    random: () => 0.5,
    jobs: createJobCache({ fetchBlob: (ref) => Promise.resolve(TEST_BLOBS.get(ref.sha256) ?? new Uint8Array(0)) })
  })
}

async function connect(): Promise<void> {
  session = await openWorkSession({
    channel: coordinator.connect(),
    identity,
    host: TEST_HOST,
    pinnedRoot: coordinator.root,
    clock,
    onStop: (stopped: JobId, _why, epoch) => {
      manager.cancel(stopped, epoch)
    },
    onNudge: () => {
      manager.nudge()
    }
  })
  manager.setSession(session)
}

/** Loses the connection the way a network does. */
async function disconnect(): Promise<void> {
  coordinator.connections.at(-1)?.break()
  await session.ended
  manager.setSession(null)
}

async function work(leases: readonly { start: number; count: number; durationMs?: number }[]): Promise<void> {
  await coordinator.offer(job, leases)
  await connect()
  manager.resume()
  await until(() => worker.computing().length > 0)
}

const key = (unit: number, epoch = 1) => resultKey(job.id, unit, identity.certificate.host, epoch)

describe('ComputeManager', () => {
  it('computes a leased range and reports each unit once, with signature, digest and value', async () => {
    await work([{ start: 10, count: 3 }])
    worker.automatic()
    await until(() => coordinator.results.size === 3)
    expect([...coordinator.results.keys()]).toEqual([key(10), key(11), key(12)])
    expect([...coordinator.told.values()]).toEqual([1, 1, 1])
    await until(() => outbox.items().length === 0)
    expect(manager.answers.get('accepted')).toBe(3)
    expect(manager.unitsDone).toBe(3)
  })

  it('reports a lease at once when it is done, and an unfinished one after a quarter of a second', async () => {
    await work([{ start: 0, count: 2 }])
    worker.complete([0])
    await until(() => worker.computing().includes(1))
    expect(coordinator.heardOf('report')).toEqual([])
    clock.advance(250)
    await until(() => coordinator.results.size === 1)
    worker.complete([1])
    await until(() => coordinator.results.size === 2)
  })

  it('asks for more before the lease in hand is done', async () => {
    await coordinator.offer(job, [
      { start: 0, count: 4 },
      { start: 4, count: 4 }
    ])
    await work([])
    worker.complete([0])
    await until(() => coordinator.heardOf('ask').length === 2)
    const [first, second] = coordinator.heardOf('ask')
    expect(first).toMatchObject({ units: 16, knownJobs: [] })
    expect(second).toMatchObject({ knownJobs: [job.id] })
    await until(() => worker.computing().includes(1))
    expect(coordinator.results.size).toBe(0)
  })

  it('waits as long as the coordinator says when there is no work, but a nudge ends the wait', async () => {
    await connect()
    manager.resume()
    await until(() => manager.executors()[0]?.reason === 'no_work_available')
    clock.advance(59_000)
    expect(coordinator.heardOf('ask')).toHaveLength(1)
    await coordinator.offer(job, [{ start: 0, count: 1 }])
    coordinator.push({ type: 'nudge' })
    await until(() => worker.computing().length === 1)
  })

  it('asks again at once when a nudge overtakes the empty answer', async () => {
    await connect()
    coordinator.intercept = (message) => {
      if (message.type !== 'ask') return undefined
      coordinator.intercept = null
      coordinator.push({ type: 'nudge' })
      return undefined
    }
    manager.resume()
    await until(() => coordinator.heardOf('ask').length === 2)
  })

  it('delivers exactly once what was computed while the connection was lost', async () => {
    await work([{ start: 0, count: 1 }])
    await disconnect()
    worker.complete()
    await until(() => outbox.items().length === 1)
    expect(coordinator.results.size).toBe(0)
    await connect()
    await until(() => outbox.items().length === 0)
    expect(coordinator.told).toEqual(new Map([[key(0), 1]]))
  })

  it('tells a result again when the answer was lost, and forgets it with the second answer', async () => {
    await work([{ start: 0, count: 1 }])
    coordinator.intercept = (message) => {
      if (message.type !== 'report') return undefined
      coordinator.intercept = null
      coordinator.connections.at(-1)?.break()
      return undefined
    }
    worker.complete()
    await session.ended
    manager.setSession(null)
    await until(() => coordinator.results.size === 1)
    expect(outbox.items()).toHaveLength(1)
    await connect()
    await until(() => outbox.items().length === 0)
    expect(coordinator.told.get(key(0))).toBe(2)
    expect(manager.answers.get('duplicate')).toBe(1)
  })

  it('forgets a report that the coordinator will never take, and tries a refusal for now again', async () => {
    await work([{ start: 0, count: 1 }])
    const codes = ['STORE_FULL', 'JOB_NOT_FOUND']
    coordinator.intercept = (message) =>
      message.type === 'report' ? { type: 'error', id: message.id, code: codes.shift() ?? 'INTERNAL', detail: 'No' } : undefined
    worker.complete()
    await until(() => codes.length === 1)
    await until(() => clock.pending().length > 0)
    expect(outbox.items()).toHaveLength(1)
    await until(() => {
      clock.advance(500)
      return outbox.items().length === 0
    })
    expect(manager.answers.get('rejected')).toBe(1)
    expect(coordinator.results.size).toBe(0)
  })

  it('rests after a refusal for now, but not over a reconnect: the next session gets the report at once', async () => {
    await work([{ start: 0, count: 1 }])
    coordinator.intercept = (message) =>
      message.type === 'report' ? { type: 'error', id: message.id, code: 'STORE_FULL', detail: 'Later' } : undefined
    worker.complete()
    await until(() => clock.pending().includes(RECONNECT_BACKOFF.baseMs / 2))
    coordinator.intercept = null
    await disconnect()
    await connect()
    await until(() => outbox.items().length === 0)
    expect(coordinator.heardOf('report')).toHaveLength(2)
  })

  it('stops within the unit when the job is cancelled', async () => {
    await work([{ start: 0, count: 50 }])
    coordinator.push({ type: 'stop', job: job.id, why: 'job_cancelled' })
    await until(() => worker.aborted === 1)
    expect(worker.computing()).toEqual([])
    expect(manager.unitsDone).toBe(0)
    expect(manager.executors()[0]?.job).toBeNull()
  })

  it('lets go of the one lease that others were faster with, and goes on with the next', async () => {
    await work([
      { start: 0, count: 50 },
      { start: 50, count: 50 }
    ])
    expect(worker.computing()).toEqual([0])
    coordinator.push({ type: 'stop', job: job.id, epoch: 1, why: 'settled' })
    await until(() => worker.computing()[0] === 50)
    expect(worker.aborted).toBe(1)
    expect(coordinator.heardOf('release')).toEqual([])
  })

  it('renews a lease while it works, and lets go of one that the coordinator took away', async () => {
    await work([{ start: 0, count: 50, durationMs: 30_000 }])
    clock.advance(10_000)
    await until(() => coordinator.heardOf('renew').length === 1)
    coordinator.lost.add(1)
    clock.advance(20_000)
    await until(() => coordinator.heardOf('renew').length === 2)
    expect(worker.computing()).toEqual([0])
    worker.complete()
    await until(() => coordinator.results.size === 1)
    await until(() => manager.executors()[0]?.job === null)
    expect(worker.computing()).toEqual([])
  })

  it('starts nothing more of a lease whose deadline passed while the connection was lost', async () => {
    await work([{ start: 0, count: 3, durationMs: 30_000 }])
    await disconnect()
    clock.advance(30_000)
    await until(() => {
      worker.complete()
      return manager.executors()[0]?.job === null
    })
    expect(manager.unitsDone).toBe(1)
  })

  it('pauses at once, keeps the lease for a while, and computes the aborted unit again', async () => {
    await work([{ start: 0, count: 2 }])
    manager.pause()
    expect(worker.computing()).toEqual([])
    clock.advance(HOLD_MS - 1)
    manager.resume()
    await until(() => worker.computing().includes(0) || worker.computing().includes(1))
    worker.automatic()
    await until(() => coordinator.results.size === 2)
    expect(coordinator.released).toEqual([])
  })

  it('gives the leases back when a pause lasts', async () => {
    await work([{ start: 0, count: 2 }])
    manager.pause()
    clock.advance(HOLD_MS)
    await until(() => coordinator.released.length === 1)
    expect(coordinator.released).toEqual([{ job: job.id, epoch: 1 }])
  })

  it('finishes what it holds, asks for no more, and is done when everything is answered', async () => {
    await work([{ start: 0, count: 3 }])
    const asked = coordinator.heardOf('ask').length
    const finished = manager.finish(new AbortController().signal)
    worker.automatic()
    await finished
    expect(coordinator.results.size).toBe(3)
    expect(coordinator.heardOf('ask')).toHaveLength(asked)
    expect(outbox.items()).toEqual([])
  })

  it('reports what is done and gives back the rest when it is stopped', async () => {
    await work([{ start: 0, count: 3 }])
    worker.complete([0])
    await until(() => worker.computing().includes(1))
    await manager.stop()
    expect([...coordinator.results.keys()]).toEqual([key(0)])
    expect(coordinator.released).toEqual([{ job: job.id, epoch: 1 }])
    expect(worker.computing()).toEqual([])
  })

  it('never computes a job whose signatures do not hold, and says so', async () => {
    await coordinator.offer({ id: job.id, signed: { ...job.signed, sig: 'A'.repeat(86) } }, [{ start: 0, count: 2 }])
    await connect()
    manager.resume()
    await until(() => coordinator.results.size === 2)
    expect([...coordinator.results.values()].map((result) => result.outcome === 'failure' && result.reason)).toEqual([
      'bad_signature',
      'bad_signature'
    ])
    expect(worker.computing()).toEqual([])
  })

  it('gives back leases that it cannot compute: another executor, an unknown job, units past the end', async () => {
    await coordinator.offer(job, [{ start: 0, count: 1 }])
    const lease = { job: job.id, start: 0, count: 1, epoch: 7, executor: 'js' as const, deadline: 1, durationMs: 60_000 }
    coordinator.offerRaw({
      jobs: [],
      leases: [
        { ...lease, executor: 'webgpu', epoch: 8 },
        { ...lease, job: 'f'.repeat(64) as JobId, epoch: 9 },
        { ...lease, start: 999_999, count: 2, epoch: 10 }
      ]
    })
    await work([])
    worker.complete()
    await until(() => coordinator.released.length === 3 && coordinator.results.size === 1)
    expect(coordinator.released.map(({ epoch }) => epoch)).toEqual([8, 9, 10])
  })

  it.each<[string, ComputeWorker['run'], string]>([
    ['throws', () => Promise.reject(new Error('It broke')), 'runtime_error'],
    ['stops short', () => Promise.resolve(), 'runtime_error'],
    [
      'returns too few bytes',
      async ({ start }, { outcome: onOutcome }) => {
        onOutcome({ unit: start, ok: true, value: new Uint8Array(3), computeMs: 1 })
      },
      'output_shape'
    ],
    [
      'returns too many bytes',
      async ({ start }, { outcome: onOutcome }) => {
        onOutcome({ unit: start, ok: true, value: new Uint8Array(99), computeMs: 1 })
      },
      'output_too_large'
    ],
    [
      'reports units that are not its own, and one twice',
      async ({ start }, { outcome: onOutcome }) => {
        for (const unit of [start + 7, start, start])
          onOutcome({ unit, ok: false, reason: 'compile_error', message: 'line 1', computeMs: NaN })
      },
      'compile_error'
    ]
  ])('turns an executor that %s into one failure for each unit, with a reason', async (_name, run, reason) => {
    await build({}, run)
    await coordinator.offer(job, [{ start: 0, count: 1 }])
    await connect()
    manager.resume()
    await until(() => coordinator.results.size === 1)
    expect(coordinator.results.get(key(0))).toMatchObject({ outcome: 'failure', reason })
    expect([...coordinator.told.values()]).toEqual([1])
  })

  it('keeps all slots busy across ranges', async () => {
    await build({ slots: 2 })
    await work([{ start: 0, count: 8 }])
    await until(() => worker.computing().length === 2)
    expect(manager.executors()[0]?.busyUnits).toBe(2)
    worker.automatic()
    await until(() => coordinator.results.size === 8)
  })
})
