/**
 * Whatever happens, each unit has at most one outcome and none is lost before it is answered: units that end, devices that are lost,
 * connections that break before, during and after a report, refusals for now, pauses, a resting graphics card, leases that are
 * cancelled, restarts of the program, in random order.
 */
import fc from 'fast-check'
import { createFakeClock, type FakeClock } from '@peercompute/p2p/testing'
import { describe, expect, it } from 'vitest'
import { createJobCache } from '../jobs/job-cache.ts'
import { createMemoryOutboxStore } from '../outbox/memory-outbox-store.ts'
import { createOutbox } from '../outbox/outbox.ts'
import { createTestCoordinator } from '../test-support/test-coordinator.ts'
import { TEST_HOST, testIdentity } from '../test-support/test-identity.ts'
import { ALSO_WGSL, TEST_BLOBS, testJob } from '../test-support/test-job.ts'
import { createTestWorker } from '../test-support/test-worker.ts'
import { openWorkSession } from '../work/work-session.ts'
import { createComputeManager, HOLD_MS, type ComputeManager } from './compute-manager.ts'
import { FULL_LENDING, type UnitOutcome } from './compute-worker.ts'

const steps = [
  'compute',
  'compute',
  'pass time',
  'break',
  'connect',
  'lose answer',
  'lose report',
  'refuse for now',
  'pause',
  'resume',
  'lose device',
  'rest card',
  'lend card',
  'cancel lease',
  'hold out',
  'restart'
] as const
type Step = (typeof steps)[number]

/** Real time; an ordinary run takes some milliseconds. */
const PATIENCE_MS = 15_000

/**
 * Lets everybody take turns. Signatures are made and checked on other threads: waiting for one there keeps pace with them. Without
 * that, on a loaded machine, the time limits of this clock pass while a signature waits for a core, and no session lives long enough.
 */
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) {
    await crypto.subtle.digest('SHA-256', new Uint8Array(1))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const deviceLost = (unit: number): UnitOutcome => ({ unit, ok: false, reason: 'device_lost', message: 'It is gone', computeMs: 1 })

/** Lets time pass until the manager has said goodbye. */
async function stopped(manager: ComputeManager, clock: FakeClock): Promise<void> {
  const over = new AbortController()
  const stopping = manager.stop().finally(() => {
    over.abort()
  })
  while (!over.signal.aborted) {
    clock.advance(500)
    await turns(3)
  }
  await stopping
}

async function play(plan: readonly Step[], kind: 'js' | 'webgpu'): Promise<void> {
  const coordinator = await createTestCoordinator()
  const identity = await testIdentity()
  const clock = createFakeClock()
  const store = createMemoryOutboxStore()
  const job = await testJob(identity.account, ALSO_WGSL)
  await coordinator.offer(
    job,
    Array.from({ length: 6 }, (_, index) => ({ start: index * 5, count: 5, durationMs: 86_400_000, executor: kind }))
  )
  coordinator.renewMs = 86_400_000
  /** Units that an executor finished and the manager took; each must reach the coordinator. */
  const computed = new Set<string>()
  let worker = createTestWorker({ kind })
  const twice: string[] = []
  let connected = false
  let cancelled = 0

  const boot = async (): Promise<ComputeManager> => {
    worker = createTestWorker({ kind })
    const booted = createComputeManager({
      workers: [worker],
      identity,
      clock,
      random: () => 0.5,
      outbox: await createOutbox({ store, host: identity.certificate.host }),
      jobs: createJobCache({ fetchBlob: (ref) => Promise.resolve(TEST_BLOBS.get(ref.sha256) ?? new Uint8Array(0)) })
    })
    booted.onUnit(({ unit }) => {
      const key = `${job.id}-${unit}-${identity.certificate.host}`
      if (computed.has(key)) twice.push(key)
      computed.add(key)
    })
    booted.resume()
    return booted
  }
  let manager = await boot()
  const connect = async () => {
    if (connected) return
    connected = true
    const of = manager
    const session = await openWorkSession({
      channel: coordinator.connect(),
      identity,
      host: TEST_HOST,
      pinnedRoot: coordinator.root,
      clock,
      onStop: () => undefined,
      onNudge: () => undefined
    })
    of.setSession(session)
    void session.ended.then(() => {
      connected = false
      of.setSession(null)
    })
  }
  const breakConnection = () => {
    coordinator.connections.at(-1)?.break()
  }
  const onNextReport = (act: () => 'answer' | 'silence' | 'refusal') => {
    coordinator.intercept = (message) => {
      if (message.type !== 'report') return undefined
      coordinator.intercept = null
      const outcome = act()
      if (outcome === 'silence') return null
      return outcome === 'answer' ? undefined : { type: 'error', id: message.id, code: 'STORE_FULL', detail: 'Later' }
    }
  }

  await connect()
  for (const step of plan) {
    if (step === 'compute') worker.complete()
    else if (step === 'pass time') clock.advance(300)
    else if (step === 'break') breakConnection()
    else if (step === 'connect') await connect()
    else if (step === 'lose answer')
      onNextReport(() => {
        breakConnection()
        return 'answer'
      })
    else if (step === 'lose report')
      onNextReport(() => {
        breakConnection()
        return 'silence'
      })
    else if (step === 'refuse for now') onNextReport(() => 'refusal')
    else if (step === 'pause') manager.pause()
    else if (step === 'resume') manager.resume()
    else if (step === 'lose device') worker.complete(undefined, deviceLost)
    else if (step === 'rest card') manager.govern({ gpuSuspended: 'device_in_use', lending: FULL_LENDING })
    else if (step === 'lend card') manager.govern({ gpuSuspended: null, lending: FULL_LENDING })
    else if (step === 'cancel lease') manager.cancel(job.id, ++cancelled)
    else if (step === 'hold out') clock.advance(HOLD_MS)
    else {
      // What is in the outbox survives; what was not yet batched does not, so a clean restart batches first.
      breakConnection()
      await turns(5)
      await stopped(manager, clock)
      manager = await boot()
    }
    await turns(6)
  }

  coordinator.intercept = null
  manager.govern({ gpuSuspended: null, lending: FULL_LENDING })
  manager.resume()
  const accepted = (unit: string): boolean => [...coordinator.results.keys()].some((key) => key.startsWith(`${unit}-`))
  const missing = () => [...computed].filter((unit) => !accepted(unit))
  const giveUpAt = Date.now() + PATIENCE_MS
  while (((await store.load()).length > 0 || missing().length > 0 || worker.computing().length > 0) && Date.now() < giveUpAt) {
    await connect()
    worker.complete()
    clock.advance(50)
    await turns(3)
  }
  expect(missing()).toEqual([])
  expect(twice).toEqual([])
  expect(await store.load()).toEqual([])
  await stopped(manager, clock)
}

describe('delivery', () => {
  it('loses no outcome that was not answered, in any order of events', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...steps), { maxLength: 40 }), fc.constantFrom('js' as const, 'webgpu' as const), play),
      { numRuns: 40, endOnFailure: true }
    )
  })
})
