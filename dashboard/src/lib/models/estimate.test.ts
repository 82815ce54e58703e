import { blobRef } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { spec } from '../../../dev/fixture-jobs.ts'
import { estimate } from './estimate.ts'

describe('the estimate of a job', () => {
  it('counts the executions that are expected of the quorum, and every byte that comes back', () => {
    const job = spec('mandelbrot')
    const { computations, operations, ...rest } = estimate(job)
    // Two results, and in one unit of a hundred a third one, because one of them is a lie.
    expect(computations / 144).toBeCloseTo(2.01, 3)
    expect(operations).toBe(computations * job.unitOperations)
    expect(rest).toMatchObject({
      units: 144,
      outputBytes: 144 * 48 * 48 * 4
    })
  })

  it('downloads the inputs and the largest program only', () => {
    const job = { ...spec('queens'), inputs: [{ name: 'table', type: 'f32' as const, blob: blobRef(new Uint8Array(1_000)) }] }
    expect(estimate(job).downloadBytes).toBe(1_000 + Math.max(job.kernel.js?.blob.bytes ?? 0, job.kernel.wgsl?.blob.bytes ?? 0))
  })
})
