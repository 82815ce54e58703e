import { jobIdSchema, type ReasonCode } from '@peercompute/job-specs'
import { until } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryLedgerStore } from '@peercompute/ledger'
import { assembleKernel } from './assemble-kernel.ts'
import { systemClock } from '@peercompute/p2p/time'
import { FULL_LENDING } from './compute/compute-worker.ts'
import type { Governance } from './governor/governance.ts'
import type { Identity } from './identity/identity.ts'
import { createMemoryPinStore } from './network/pin-store.ts'
import type { KernelSnapshot, NodeKernel, UnitDone } from './node-kernel.ts'
import { createMemoryOutboxStore } from './outbox/memory-outbox-store.ts'
import type { OutboxStore } from './outbox/outbox.ts'
import { startHttpCoordinator, type HttpCoordinator } from './test-support/http-coordinator.ts'
import { createTestCoordinator, type TestCoordinator } from './test-support/test-coordinator.ts'
import { testIdentity } from './test-support/test-identity.ts'
import { testJob, testSpec, testValue, type TestJob } from './test-support/test-job.ts'
import { createTestWorker, type TestWorker } from './test-support/test-worker.ts'

let coordinator: TestCoordinator
let http: HttpCoordinator
let identity: Identity
let job: TestJob
let worker: TestWorker
let outboxStore: OutboxStore
let kernel: NodeKernel
let seen: KernelSnapshot[]
let units: UnitDone[]

beforeEach(async () => {
  coordinator = await createTestCoordinator()
  http = await startHttpCoordinator(coordinator)
  identity = await testIdentity()
  job = await testJob(identity.account)
  outboxStore = createMemoryOutboxStore()
  await build()
})
afterEach(async () => {
  await kernel.stop()
  await http[Symbol.asyncDispose]()
})

async function build(): Promise<void> {
  worker = createTestWorker()
  seen = []
  units = []
  kernel = await assembleKernel({
    coordinator: http.url,
    identity,
    workers: [worker],
    agent: 'peercompute/test',
    memoryBytes: 0,
    outboxStore,
    ledgerStore: memoryLedgerStore(),
    pins: createMemoryPinStore(),
    clock: systemClock,
    random: () => 0,
    fetch: globalThis.fetch
  })
  kernel.onChange((snapshot) => {
    seen.push(snapshot)
  })
  kernel.onUnit((unit) => {
    units.push(unit)
  })
}

const governed = (...suspended: ReasonCode[]): Governance => ({ suspended, gpuSuspended: null, lending: FULL_LENDING })
const state = () => kernel.snapshot().state
const inState = (wanted: string) => until(() => state() === wanted)
const statesSeen = () => seen.map((snapshot) => snapshot.state).filter((name, index, all) => name !== all[index - 1])

describe('NodeKernel', () => {
  it('goes from offline to computing and says for whom, then reports and is idle again', async () => {
    expect(state()).toBe('offline')
    await coordinator.offer(job, [{ start: 5, count: 1 }])
    kernel.start()
    await inState('computing')
    await until(() => worker.computing().length === 1)
    expect(kernel.snapshot()).toMatchObject({
      currentJobs: [{ id: job.id, title: 'Doubling', researcher: 'A lab', description: 'Twice the number of the unit.' }],
      executors: [{ kind: 'js', busyUnits: 1, numericClass: 'js-test' }],
      account: identity.account.publicKey,
      host: identity.host.publicKey
    })
    worker.complete()
    await until(() => kernel.snapshot().unitsAccepted === 1)
    await until(() => kernel.snapshot().reason === 'no_work_available')
    expect(kernel.snapshot()).toMatchObject({ state: 'idle', currentJobs: [], unitsDone: 1, reportsWaiting: 0 })
    expect(units).toMatchObject([{ job: job.id, unit: 5, value: testValue(5), spec: { name: 'doubling' } }])
    expect(statesSeen()).toEqual(['connecting', 'idle', 'computing', 'idle'])
  })

  it('is suspended until every cause has gone, and names the weightiest: what its owner said', async () => {
    await coordinator.offer(job, [{ start: 0, count: 1 }])
    kernel.start()
    await until(() => worker.computing().length === 1)
    kernel.govern(governed('outside_schedule', 'tab_hidden_policy'))
    expect(kernel.snapshot()).toMatchObject({ state: 'suspended', reason: 'outside_schedule' })
    expect(worker.computing()).toEqual([])
    kernel.pause()
    const suspended = ['user_paused', 'outside_schedule', 'tab_hidden_policy']
    expect(kernel.snapshot()).toMatchObject({ state: 'suspended', reason: 'user_paused', suspended })
    kernel.govern(governed())
    expect(kernel.snapshot()).toMatchObject({ state: 'suspended', reason: 'user_paused' })
    kernel.resume()
    await until(() => worker.computing().length === 1)
    await inState('computing')
  })

  it('asks for nothing when it is started while suspended', async () => {
    await coordinator.offer(job, [{ start: 0, count: 1 }])
    kernel.govern(governed('tab_hidden_policy'))
    kernel.start()
    await until(() => kernel.snapshot().network.connection === 'connected')
    expect(state()).toBe('suspended')
    kernel.govern(governed())
    await inState('computing')
    expect(coordinator.heardOf('ask')).toHaveLength(1)
  })

  it('lends what the governor allows, shows it, and counts what goes over the wire', async () => {
    kernel.govern({ suspended: [], gpuSuspended: 'gpu_paused', lending: { gpuShare: 0.2, sliceMs: 4, cpuSlots: 1 } })
    kernel.start()
    await until(() => kernel.snapshot().network.connection === 'connected')
    expect(kernel.snapshot()).toMatchObject({ gpuSuspended: 'gpu_paused', lending: { gpuShare: 0.2, sliceMs: 4, cpuSlots: 1 } })
    expect(kernel.snapshot().suspended).toEqual([])
    expect(kernel.bytes).toBeGreaterThan(1_000)
  })

  it('finishes what it holds and stops', async () => {
    await coordinator.offer(job, [{ start: 0, count: 2 }])
    kernel.start()
    await until(() => worker.computing().length === 1)
    const finished = kernel.finish()
    expect(kernel.snapshot()).toMatchObject({ state: 'finishing', reason: 'shutting_down' })
    worker.automatic()
    await finished
    expect(state()).toBe('stopped')
    expect(coordinator.results.size).toBe(2)
    expect(() => {
      kernel.start()
    }).toThrow(/state "stopped"/)
  })

  it('gives the work back when it is stopped, and a second stop does nothing', async () => {
    await coordinator.offer(job, [{ start: 0, count: 2 }])
    kernel.start()
    await until(() => worker.computing().length === 1)
    await Promise.all([kernel.stop(), kernel.stop()])
    expect(coordinator.released).toEqual([{ job: job.id, epoch: 1 }])
    expect(state()).toBe('stopped')
  })

  it('computes on while the coordinator is away, and delivers in its next life what it could not deliver in this one', async () => {
    await coordinator.offer(job, [{ start: 0, count: 1 }])
    kernel.start()
    await until(() => worker.computing().length === 1)
    http.override = (_request, response) => {
      response.destroy()
      return true
    }
    worker.complete()
    await until(() => kernel.snapshot().network.error !== null)
    // Another request may have failed before the report was signed.
    await until(() => kernel.snapshot().reportsWaiting === 1)
    await inState('connecting')
    expect(kernel.snapshot().reason).toBe('network_offline')
    await kernel.stop()
    http.override = null
    await build()
    kernel.start()
    await until(() => kernel.snapshot().unitsAccepted === 1)
    expect([...coordinator.told.values()]).toEqual([1])
  })

  it('says that the page is outdated when the coordinator speaks no common version', async () => {
    coordinator.intercept = (message) => ({ type: 'error', id: message.id, code: 'PROTOCOL_UNSUPPORTED', detail: 'Reload' })
    kernel.start()
    await until(() => kernel.snapshot().reason === 'client_outdated')
  })

  it('publishes a job in its own feed, where the fold finds it', async () => {
    kernel.start()
    await until(() => kernel.state.state() !== null)
    const [first, second] = await Promise.all([kernel.state.publish(testSpec()), kernel.state.publish(testSpec({ revision: 2 }))])
    const { jobs } = kernel.state.state() ?? { jobs: new Map() }
    expect([...jobs.keys()].sort()).toEqual([first, second].sort())
    await kernel.state.cancel(first)
    expect(kernel.state.state()?.jobs.get(first)?.cancelled).toBe(true)
    const unseen = jobIdSchema.parse('0'.repeat(64))
    await expect(kernel.state.cancel(unseen)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' })
    expect(kernel.state.ledger.heads().map(({ length }) => length)).toEqual([4])
  })
})
