import { expect, it } from 'vitest'
import { blobRef, utf8, type HostId, type JobId } from '@peercompute/job-specs'
import { CoreWorld } from '../testing/core-world.ts'
import { smallSpec } from '../testing/fixtures.ts'
import { decideControl } from './decide-job.ts'
import { whyJob } from './why.ts'

const GPU = { executors: ['webgpu', 'js'] as const }

function world(): CoreWorld & { readonly published: JobId } {
  const made = new CoreWorld()
  const { kernel } = smallSpec()
  const wgsl = { blob: blobRef(utf8('wgsl')), passes: [{ entry: 'main', grid: [1, 1, 1] as [number, number, number], repeat: 1 }] }
  const job = made.submit({ unitCount: 1, kernel: { ...kernel, wgsl }, verification: { quorum: 1 } })
  return Object.assign(made, { published: job })
}

function loses(made: CoreWorld, host: HostId): void {
  const [lease] = made.ask(host, 1, 'webgpu').leases
  if (lease === undefined) throw new Error('no lease for the graphics card')
  made.report(host, lease, () => null, { reason: 'device_lost' })
}

it('a unit in which a graphics device was lost goes to another host or another executor, not to the same card again', () => {
  const made = world()
  const host = made.connect('a', GPU)
  loses(made, host)
  expect(made.ask(host, 1, 'webgpu').leases).toEqual([])
  expect(made.ask(host, 1, 'js').leases).toHaveLength(1)
})

it('a job that takes down the devices of two hosts is paused for all, says why, and may be set to go on', () => {
  const made = world()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => made.connect(name, GPU))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three hosts were wanted')
  loses(made, a)
  expect(made.job(made.published).state).toBe('running')
  loses(made, b)
  expect(made.job(made.published)).toMatchObject({ state: 'paused', stateWhy: 'losing_devices' })
  expect(whyJob(made.state, made.job(made.published)).code).toBe('losing_devices')
  expect(made.ask(c, 1, 'webgpu').leases).toEqual([])
  made.run(decideControl, { type: 'resume', job: made.published })
  expect(made.job(made.published).state).toBe('running')
})
