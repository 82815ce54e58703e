import { canonicalBytes, jobSpecSchema, SPEC_MAX_BYTES } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { LIBRARY } from './library.ts'
import { kernelNames, registry } from './registry.ts'
import { specFor } from './spec.ts'

describe('specFor()', () => {
  it.each(kernelNames)('makes a valid job of %s with nothing given, the same each time', (name) => {
    const spec = specFor(registry[name], {}, LIBRARY[name])
    expect(jobSpecSchema.parse(spec)).toEqual(spec)
    expect(canonicalBytes(spec).length).toBeLessThan(SPEC_MAX_BYTES)
    expect(canonicalBytes(specFor(registry[name], {}, LIBRARY[name]))).toEqual(canonicalBytes(spec))
    expect(spec.verification).toMatchObject({ policy: 'credibility', errorProbability: 0.001, independence: 'subnet', maxResults: 16 })
  })

  it('takes parameters into everything that follows from them', () => {
    const spec = specFor(registry['n-queens'], { params: { n: 15 }, title: 'Fifteen', researcher: 'Ada', revision: 3 }, LIBRARY['n-queens'])
    expect(spec).toMatchObject({
      title: 'Fifteen',
      researcher: 'Ada',
      revision: 3,
      params: { n: 15 },
      unitCount: 225,
      view: { label: 'Ways to place 15 queens' }
    })
    expect(spec.kernel.wgsl?.passes).toEqual([{ entry: 'search', grid: [15 ** 4, 1, 1], repeat: 1 }])
  })

  it('replaces parts of the verification and keeps the rest', () => {
    const spec = specFor(registry.mandelbrot, { verification: { quorum: 3, independence: 'executor' } }, LIBRARY.mandelbrot)
    expect(spec.verification).toEqual({
      policy: 'quorum',
      quorum: 3,
      independence: 'executor',
      comparator: { kind: 'exact' },
      maxResults: 8
    })
  })

  it('keeps the comparator that the kernel derives from its parameters, whatever the policy', () => {
    const { comparator } = specFor(registry['keeling-fit'], {}, LIBRARY['keeling-fit']).verification
    const critical = specFor(registry['keeling-fit'], { verification: { critical: true } }, LIBRARY['keeling-fit']).verification
    expect(critical).toMatchObject({ policy: 'quorum', quorum: 3, comparator })
    expect(comparator.kind).not.toBe('exact')
  })

  it('says which field is wrong', () => {
    expect(() => specFor(registry.mandelbrot, { verification: { quorum: 2, budget: 2 } }, LIBRARY.mandelbrot)).toThrow(
      expect.objectContaining({ code: 'JOB_INVALID', place: { path: 'verification.budget' } })
    )
    expect(() => specFor(registry.mandelbrot, { verification: { quorum: 9 } }, LIBRARY.mandelbrot)).toThrow(
      expect.objectContaining({ code: 'JOB_INVALID', place: { path: 'verification.quorum' } })
    )
    expect(() => specFor(registry['keeling-fit'], {}, { ...LIBRARY['keeling-fit'], inputs: {} })).toThrow(
      expect.objectContaining({ code: 'JOB_INVALID', place: { path: 'inputs.0.blob' } })
    )
  })
})
