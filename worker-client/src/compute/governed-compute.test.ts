import type { ContentHash, Executor, UnitFailure } from '@peercompute/job-specs'
import { createFakeClock, until, type FakeClock } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Identity } from '../identity/identity.ts'
import { createJobCache } from '../jobs/job-cache.ts'
import { createMemoryOutboxStore } from '../outbox/memory-outbox-store.ts'
import { createOutbox } from '../outbox/outbox.ts'
import { createTestCoordinator, resultKey, type TestCoordinator } from '../test-support/test-coordinator.ts'
import { TEST_HOST, testIdentity } from '../test-support/test-identity.ts'
import { ALSO_WGSL, TEST_BLOBS, testJob, testValue, type TestJob } from '../test-support/test-job.ts'
import { createTestWorker, type TestWorker } from '../test-support/test-worker.ts'
import { openWorkSession } from '../work/work-session.ts'
import type { CheckpointPort } from './checkpoint-port.ts'
import { createComputeManager, HOLD_MS, type ComputeManager } from './compute-manager.ts'
import { FULL_LENDING, type ComputeWorker, type UnitOutcome, type UnitRange } from './compute-worker.ts'

let coordinator: TestCoordinator
let identity: Identity
let clock: FakeClock
let job: TestJob
let card: TestWorker
let cores: TestWorker
let manager: ComputeManager

beforeEach(async () => {
  coordinator = await createTestCoordinator()
  identity = await testIdentity()
  clock = createFakeClock()
  job = await testJob(identity.account, ALSO_WGSL)
  card = createTestWorker({ kind: 'webgpu' })
  cores = createTestWorker()
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

/** A host that holds ten units for each of its executors, and computes. */
async function begin(workers: readonly ComputeWorker[], checkpoints?: CheckpointPort): Promise<void> {
  manager = createComputeManager({
    workers,
    identity,
    clock,
    random: () => 0.5,
    outbox: await createOutbox({ store: createMemoryOutboxStore(), host: identity.certificate.host }),
    jobs: createJobCache({ fetchBlob: (ref) => Promise.resolve(TEST_BLOBS.get(ref.sha256) ?? new Uint8Array(0)) }),
    ...(checkpoints === undefined ? {} : { checkpoints })
  })
  await coordinator.offer(
    job,
    workers.map(({ executor }, index) => ({ start: 10 * index, count: 10, executor: executor.kind }))
  )
  const session = await openWorkSession({
    channel: coordinator.connect(),
    identity,
    host: TEST_HOST,
    pinnedRoot: coordinator.root,
    clock,
    onStop: () => undefined,
    onNudge: () => undefined
  })
  manager.setSession(session)
  manager.resume()
}

const view = (kind: Executor['kind']) => manager.executors().find((executor) => executor.kind === kind)
const failure =
  (reason: UnitFailure) =>
  (unit: number): UnitOutcome => ({ unit, ok: false, reason, message: `It broke in ${reason}`, computeMs: 1 })

describe('ComputeManager, governed', () => {
  it('lets the graphics card alone rest in the middle of its unit, says why, and goes on with that unit', async () => {
    await begin([card, cores])
    await until(() => card.computing().length === 1 && cores.computing().length === 1)
    manager.govern({ gpuSuspended: 'device_in_use', lending: { ...FULL_LENDING, sliceMs: 5 } })
    expect(card.lent.at(-1)).toEqual({ ...FULL_LENDING, sliceMs: 5, gpuShare: 0 })
    expect(cores.lent.at(-1)).toEqual({ ...FULL_LENDING, sliceMs: 5 })
    expect(view('webgpu')).toMatchObject({ reason: 'device_in_use', busyUnits: 0 })
    expect(view('js')).toMatchObject({ reason: null, busyUnits: 1 })
    expect([card.aborted, cores.aborted]).toEqual([0, 0])
    clock.advance(HOLD_MS - 1)
    manager.govern({ gpuSuspended: null, lending: FULL_LENDING })
    expect(card.lent.at(-1)).toEqual(FULL_LENDING)
    expect(card.computing()).toEqual([0])
    card.automatic()
    await until(() => coordinator.results.size === 10)
    expect(coordinator.released).toEqual([])
  })

  it('gives the leases of a resting card back after a while, and those of the processor not', async () => {
    await begin([card, cores])
    await until(() => card.computing().length === 1 && cores.computing().length === 1)
    manager.govern({ gpuSuspended: 'device_in_use', lending: FULL_LENDING })
    clock.advance(HOLD_MS)
    await until(() => coordinator.released.length === 1)
    expect(coordinator.released).toEqual([{ job: job.id, epoch: 1 }])
    expect(card.computing()).toEqual([])
    expect(cores.computing()).toEqual([10])
  })

  it('pauses both: the processor lets go of its unit, the card keeps it without a share', async () => {
    await begin([card, cores])
    await until(() => card.computing().length === 1 && cores.computing().length === 1)
    manager.pause()
    expect(card.lent.at(-1)?.gpuShare).toBe(0)
    expect([card.computing(), cores.computing()]).toEqual([[0], []])
    manager.resume()
    await until(() => cores.computing().length === 1)
    expect(card.computing()).toEqual([0])
    expect(card.lent.at(-1)?.gpuShare).toBe(1)
  })

  it('finishes without what a resting card holds', async () => {
    await begin([card, cores])
    await until(() => card.computing().length === 1 && cores.computing().length === 1)
    manager.govern({ gpuSuspended: 'thermal_pressure', lending: FULL_LENDING })
    const finished = manager.finish(new AbortController().signal)
    cores.automatic()
    await finished
    expect(coordinator.results.size).toBe(10)
    expect(coordinator.released).toEqual([{ job: job.id, epoch: 1 }])
  })
})

describe('ComputeManager, when an executor fails', () => {
  it('tries a unit twice again when the device was lost, then reports it with how often it was tried', async () => {
    await begin([card])
    for (let tries = 0; tries < 3; tries++) {
      await until(() => card.computing().includes(0) || (card.computing().length > 0 && (card.complete(), false)))
      card.complete([0], failure('device_lost'))
    }
    await until(() => {
      card.complete()
      return coordinator.results.size === 10
    })
    expect(coordinator.results.get(resultKey(job.id, 0, identity.certificate.host, 1))).toMatchObject({
      outcome: 'failure',
      reason: 'device_lost',
      message: 'It broke in device_lost (tried 3 times on this host, first: It broke in device_lost)'
    })
    expect([...coordinator.told.values()]).toEqual(Array(10).fill(1))
  })

  it('reports the unit that an executor broke down with, gives the others back, shows the reason and asks no more', async () => {
    await begin([card])
    await until(() => card.computing().length === 1)
    const asked = coordinator.heardOf('ask').length
    card.breakDown('gpu_lost')
    card.complete([0], failure('device_lost'))
    await until(() => coordinator.released.length === 1)
    await until(() => coordinator.results.size === 1)
    expect(view('webgpu')).toMatchObject({ reason: 'gpu_lost', busyUnits: 0, job: null })
    manager.nudge()
    clock.advance(120_000)
    expect(coordinator.heardOf('ask')).toHaveLength(asked)
    expect(card.computing()).toEqual([])
  })
})

describe('ComputeManager with checkpoints', () => {
  it('begins each unit from its state, cuts ranges before one that has a state, and drops what is safe', async () => {
    const states = new Map<number, Uint8Array<ArrayBuffer>>([[2, Uint8Array.of(2)]])
    const dropped: number[] = []
    const ranges: UnitRange[] = []
    const worker: ComputeWorker = {
      ...cores,
      executor: { ...cores.executor, slots: 4 },
      async run(range, { outcome, saved }, signal) {
        ranges.push(range)
        if (range.start === 4 && range.resume === undefined) {
          saved?.(4, Uint8Array.of(44))
          await new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              reject(new Error('stopped'))
            })
          })
        }
        for (let unit = range.start; unit < range.start + range.count; unit++)
          outcome({ unit, ok: true, value: testValue(unit), computeMs: 10_000 })
      }
    }
    await begin([worker], {
      load: (_job, unit, _kind, _foreign?: ContentHash) => Promise.resolve(states.get(unit) ?? null),
      save: (_job, unit, _kind, state) => {
        states.set(unit, state)
      },
      drop: (_job, unit) => {
        states.delete(unit)
        dropped.push(unit)
      },
      letGo: () => undefined
    })
    await until(() => states.has(4))
    manager.pause()
    manager.resume()
    await until(() => coordinator.results.size === 10)
    const resumed = ranges.filter(({ resume }) => resume !== undefined).map(({ start, resume }) => [start, resume?.[0]])
    expect(resumed).toEqual([
      [2, 2],
      [4, 44]
    ])
    expect(ranges.some(({ start, count }) => start < 2 && start + count > 2)).toBe(false)
    await until(() => states.size === 0)
    expect(dropped.sort()).toEqual([2, 4])
  })
})
