import { expect, it } from 'vitest'
import { type HostId, type ReasonCode } from '@peercompute/job-specs'
import { CoreWorld, only } from '../testing/core-world.ts'
import { connectedHost, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import {
  DEFAULT_POLICY,
  decideApprove,
  decideControl,
  decideDisconnect,
  decideRenew,
  decideSubmit,
  explain,
  FAILING_AFTER,
  STRAGGLING_MS_MIN,
  whyHost,
  whyJob,
  whyUnit,
  type JobEntry
} from './index.ts'

const host = (w: CoreWorld, id: HostId) => {
  const entry = w.state.hosts.get(id)
  if (entry === undefined) throw new Error('There is no such host')
  return entry
}

it('a new job is tried on three hosts, and goes to all when ten of its units have a first result', () => {
  const w = new CoreWorld()
  const job = w.submit({ unitCount: 100 })
  const [a, b, c, d] = [w.connect('a'), w.connect('b'), w.connect('c'), w.connect('d')]
  const lease = only(w.ask(a, 10).leases)
  only(w.ask(b, 1).leases)
  only(w.ask(c, 1).leases)
  expect(w.ask(d)).toMatchObject({ leases: [], why: 'job_on_trial' })
  expect(whyJob(w.state, w.job(job))).toMatchObject({ code: 'trying', facts: { hosts: 3, hostsAllowed: 3, succeeded: 0, needed: 10 } })
  expect(whyHost(w.state, host(w, d))).toMatchObject({ code: 'job_on_trial', facts: { job: 'small' } })
  expect(w.ask(b, 1).leases).toHaveLength(1)
  w.report(a, lease, u32)
  expect(w.ask(d).leases).toHaveLength(1)
})

it('a host that fails, leaves or runs out of time makes room in the trial; a larger quorum widens it', () => {
  const w = new CoreWorld()
  w.submit({ unitCount: 100 })
  const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => w.connect(name))
  const [a, b, c, d, e, f] = names as [HostId, HostId, HostId, HostId, HostId, HostId]
  const lease = only(w.ask(a, 1).leases)
  only(w.ask(b, 1).leases)
  only(w.ask(c, 1).leases)
  w.report(a, lease, () => null)
  only(w.ask(d, 1).leases)
  expect(w.ask(e).why).toBe('job_on_trial')
  w.run(decideDisconnect, { type: 'disconnect', host: b })
  only(w.ask(e, 1).leases)
  expect(w.ask(f).why).toBe('job_on_trial')
  w.pass(61_000)
  only(w.ask(f, 1).leases)
  const five = new CoreWorld()
  five.submit({ unitCount: 100, verification: { quorum: 5 } })
  for (const name of ['a', 'b', 'c', 'd', 'e']) only(five.ask(five.connect(name), 1).leases)
  expect(five.ask(five.connect('f')).why).toBe('job_on_trial')
})

it('three hosts that hold a trial for ever by renewing are overtaken', () => {
  const w = new CoreWorld()
  const job = w.submit({ unitCount: 3, limits: { unitSeconds: 10, outputBytes: 4, memoryBytes: 1 }, verification: { quorum: 1 } })
  for (const name of ['a', 'b', 'c']) {
    const id = w.connect(name)
    const { epoch } = only(w.ask(id, 1).leases)
    w.run(decideRenew, { type: 'renew', host: id, leases: [{ job, epoch }] })
  }
  const d = w.connect('d')
  expect(w.ask(d).leases).toEqual([])
  w.pass(21_000)
  w.report(d, only(w.ask(d).leases), u32)
  expect(w.job(job).state).toBe('completed')
})

it('a unit that takes far longer than usual is given to an idle host; the first result counts and the other is told', () => {
  const w = new CoreWorld()
  const job = w.submit({ unitCount: 22, verification: { quorum: 1 } })
  const [slow, quick] = [w.connect('slow'), w.connect('quick')]
  w.report(quick, only(w.ask(quick, 20).leases), u32, { computeMs: 4_000 })
  const lease = only(w.ask(slow, 2).leases)
  expect(w.ask(quick)).toMatchObject({ leases: [], why: 'no_work_available' })
  w.pass(STRAGGLING_MS_MIN + 1)
  expect(w.ask(quick).leases).toEqual([])
  w.pass(5_000)
  expect(w.events).toEqual([{ type: 'lease-straggling', job, epoch: lease.epoch }])
  expect(whyUnit(w.state, w.job(job), 20).code).toBe('straggling')
  expect(w.ask(slow).leases).toEqual([])
  const again = only(w.ask(quick).leases)
  expect(again).toMatchObject({ start: 20, count: 2 })
  w.report(quick, { ...again, count: 1 }, u32)
  expect(w.events.some(({ type }) => type === 'lease-over')).toBe(false)
  w.report(quick, { ...again, start: 21, count: 1 }, u32)
  expect(w.events).toContainEqual({ type: 'lease-over', job, epoch: lease.epoch, cause: 'overtaken', overtaken: slow })
  expect(w.job(job).state).toBe('completed')
  expect(host(w, slow).unitsHeld).toBe(0)
})

it('a slow host that is first after all wins, and its helper is told', () => {
  const w = new CoreWorld()
  const job = w.submit({ unitCount: 2, verification: { quorum: 1 } })
  const [slow, quick] = [w.connect('slow'), w.connect('quick')]
  const lease = only(w.ask(slow).leases)
  w.pass(STRAGGLING_MS_MIN + 1)
  const help = only(w.ask(quick).leases)
  expect(w.report(slow, lease, u32).map(({ answer }) => answer)).toEqual(['accepted', 'accepted'])
  expect(w.events).toContainEqual({ type: 'lease-over', job, epoch: help.epoch, cause: 'overtaken', overtaken: quick })
  expect(w.job(job).executions).toBe(2)
})

it('nobody helps while there are fresh units, or while a slow class takes what it always takes', () => {
  const w = new CoreWorld()
  w.submit({ unitCount: 30, verification: { quorum: 1 } })
  const [slow, quick] = [w.connect('slow', { executor: { numericClass: 'phone' } }), w.connect('quick')]
  w.report(slow, only(w.ask(slow, 12).leases), u32, { numericClass: 'phone', computeMs: 30_000 })
  w.report(quick, only(w.ask(quick, 12).leases), u32, { computeMs: 10 })
  only(w.ask(slow, 3).leases)
  w.pass(40_000)
  expect(w.events).toEqual([])
  w.report(quick, only(w.ask(quick, 3).leases), u32)
  w.pass(10_000)
  expect(w.events).toEqual([])
})

it('twenty failures on three hosts without a success pause a job; resumed, it is tried again', () => {
  const w = new CoreWorld()
  const job = w.submit({ unitCount: 1_000, verification: { quorum: 1 } })
  for (const name of ['a', 'b', 'c']) {
    expect(w.job(job).state).toBe('running')
    const id = w.connect(name)
    w.report(id, only(w.ask(id, 7).leases), () => null)
  }
  expect(w.job(job)).toMatchObject({ state: 'paused', stateWhy: 'failing' })
  expect(explain(whyJob(w.state, w.job(job)))).toMatchObject({ code: 'failing', facts: { failuresByCause: 2 } })
  expect(whyUnit(w.state, w.job(job), 500)).toMatchObject({ code: 'job_at_rest', facts: { job: 'failing' } })
  w.run(decideControl, { type: 'resume', job })
  const d = w.connect('d')
  w.report(d, only(w.ask(d, 7).leases), u32)
  expect(w.job(job).state).toBe('running')
})

it('one volunteer is enough to pause a job when nobody else could run it; a single success is enough to go on', () => {
  const w = new CoreWorld()
  const job = w.submit({ unitCount: 1_000 })
  const a = w.connect('a')
  w.connect('gpu', { executors: ['webgpu'] })
  w.report(a, only(w.ask(a, FAILING_AFTER).leases), () => null)
  expect(w.job(job).stateWhy).toBe('failing')
  const lucky = new CoreWorld()
  const other = lucky.submit({ unitCount: 1_000 })
  const b = lucky.connect('b')
  lucky.report(b, only(lucky.ask(b, 30).leases), (unit) => (unit === 7 ? u32(7) : null))
  expect(lucky.job(other).state).toBe('running')
})

it('a kernel that does not compile on one class goes to the others, and no unit is given up for it', () => {
  const w = new CoreWorld()
  const job = w.submit({ unitCount: 8, verification: { quorum: 1 } })
  const broken = ['a', 'b', 'c', 'd'].map((name) => w.connect(name))
  for (const id of broken.slice(0, 2)) w.report(id, only(w.ask(id).leases), () => null, { reason: 'compile_error' })
  for (const id of broken.slice(2)) expect(w.ask(id)).toMatchObject({ leases: [], why: 'kernel_not_compiling' })
  expect(whyJob(w.state, w.job(job))).toMatchObject({ code: 'not_compiling', facts: { deviceClass: 'test', message: 'it broke' } })
  expect(whyUnit(w.state, w.job(job), 0)).toMatchObject({ code: 'failed_once', facts: { job: 'not_compiling' } })
  const fine = w.connect('fine', { executor: { numericClass: 'other' } })
  w.report(fine, only(w.ask(fine, 8).leases), u32, { numericClass: 'other' })
  expect(w.job(job)).toMatchObject({ state: 'completed', failures: new Map([['compile_error', expect.objectContaining({ units: 8 })]]) })
})

it.each<[string, Parameters<typeof smallSpec>[0], Parameters<typeof connectedHost>[1], ReasonCode, ReasonCode, object]>([
  [
    'memory',
    { limits: { unitSeconds: 1, outputBytes: 4, memoryBytes: 2_048 } },
    { memoryBytes: 1_024 },
    'memory_unmet',
    'memory_too_small',
    { needed: 2_048, there: 1_024 }
  ],
  ['class', { requires: { numericClass: 'js-fdlibm' } }, {}, 'class_unmet', 'class_not_wanted', { needed: 'js-fdlibm', there: 'test' }]
])('a demand for %s that nobody meets is told for job, unit and host', (what, spec, options, ofJob, ofHost, facts) => {
  const w = new CoreWorld()
  const job = w.submit(spec)
  const id = w.connect('a', options)
  expect(w.ask(id)).toMatchObject({ leases: [], why: ofHost })
  expect(whyJob(w.state, w.job(job))).toMatchObject({ code: ofJob, facts: { what, ...facts } })
  expect(whyUnit(w.state, w.job(job), 0)).toMatchObject({ code: 'awaiting_capable_host', facts: { job: ofJob } })
  expect(whyHost(w.state, host(w, id))).toMatchObject({ code: ofHost, facts: { job: 'small', what, ...facts } })
})

it('features and limits bind WebGPU only, and an alignment must be small', () => {
  const spec = smallSpec()
  const demanding = {
    ...spec,
    kernel: { ...spec.kernel, wgsl: { blob: spec.kernel.js?.blob ?? { sha256: '' as never, bytes: 1 }, passes: [] } },
    requires: { features: ['shader-f16'], limits: { maxBufferSize: 1_000, minStorageBufferOffsetAlignment: 64 } }
  }
  const w = new CoreWorld()
  const { job, signed } = unsigned(demanding as typeof spec)
  w.run(decideSubmit, { type: 'submit', job, signed, custodial: false, missingBlobs: [], held: false })
  const gpu = (name: string, features: string[], limits: Record<string, number>) =>
    w.ask(w.connect(name, { executors: ['webgpu'], executor: { features, limits } }), 1, 'webgpu').leases.length
  const good = { maxBufferSize: 1_000, minStorageBufferOffsetAlignment: 32 }
  expect(gpu('none', [], good)).toBe(0)
  expect(gpu('small', ['shader-f16'], { ...good, maxBufferSize: 999 })).toBe(0)
  expect(gpu('coarse', ['shader-f16'], { ...good, minStorageBufferOffsetAlignment: 256 })).toBe(0)
  expect(gpu('silent', ['shader-f16'], {})).toBe(0)
  expect(whyJob(w.state, w.job(job))).toMatchObject({ code: 'features_unmet', facts: { what: 'feature', name: 'shader-f16' } })
  expect(gpu('good', ['shader-f16'], good)).toBe(1)
  expect(w.ask(w.connect('cpu'), 1).leases).toHaveLength(1)
})

it('quotas of a researcher count what is open, and are free again when it ends', () => {
  const w = new CoreWorld()
  w.policy = { ...DEFAULT_POLICY, openJobsPerAuthor: 2, openUnitsPerAuthor: 10 }
  const first = w.submit({ name: 'one', unitCount: 4 })
  expect(() => w.submit({ name: 'big', unitCount: 7 })).toThrow('QUOTA_EXCEEDED: the open jobs of this researcher have 4 units')
  w.submit({ name: 'two', unitCount: 6 })
  expect(() => w.submit({ name: 'three', unitCount: 1 })).toThrow('QUOTA_EXCEEDED: 2 jobs')
  w.submit({ name: 'three', unitCount: 10 }, 'somebody else')
  expect(w.submit({ name: 'one', unitCount: 4 })).toBe(first)
  w.run(decideControl, { type: 'cancel', job: first })
  w.submit({ name: 'three', unitCount: 4 })
})

it('while the disk is nearly full nothing is handed out, hosts are told when to come back, and reports are taken', () => {
  const w = new CoreWorld()
  const job: JobEntry = w.job(w.submit({ verification: { quorum: 1 } }))
  const a = w.connect('a')
  const lease = only(w.ask(a, 2).leases)
  w.policy = { ...DEFAULT_POLICY, leasing: false }
  expect(w.ask(a)).toMatchObject({ leases: [], why: 'storage_low', retryAfterMs: 30_000 })
  expect(w.report(a, lease, u32).map(({ answer }) => answer)).toEqual(['accepted', 'accepted'])
  expect(whyJob(w.state, job, w.policy).code).toBe('storage_full')
  expect(whyHost(w.state, host(w, a), w.policy).code).toBe('storage_low')
  expect(whyUnit(w.state, job, 3, w.policy)).toMatchObject({ code: 'awaiting_capable_host', facts: { job: 'storage_full' } })
})

it('a held job says so, runs when its author is approved of, and a paused one says who paused it', () => {
  const w = new CoreWorld()
  const { job, signed } = unsigned(smallSpec())
  w.run(decideSubmit, { type: 'submit', job, signed, custodial: false, missingBlobs: [], held: true })
  const a = w.connect('a')
  expect(w.ask(a).leases).toEqual([])
  expect(whyJob(w.state, w.job(job)).code).toBe('awaiting_approval')
  expect(whyUnit(w.state, w.job(job), 0)).toMatchObject({ code: 'job_at_rest', facts: { job: 'awaiting_approval' } })
  w.run(decideApprove, { type: 'approve', author: signed.author })
  expect(w.ask(a, 1).leases).toHaveLength(1)
  w.run(decideControl, { type: 'pause', job })
  expect(whyJob(w.state, w.job(job)).code).toBe('job_paused')
  w.run(decideControl, { type: 'resume', job })
  w.run(decideControl, { type: 'pause', job, why: 'storage_full' })
  expect(whyJob(w.state, w.job(job)).code).toBe('storage_full')
})
