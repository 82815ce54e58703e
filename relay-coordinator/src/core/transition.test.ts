/** Which results settle a unit, under every comparator: the star rule. */
import fc from 'fast-check'
import {
  compareResults,
  toHex,
  type Estimate,
  type ContentHash,
  type JobSpec,
  type PlainComparator as Comparator
} from '@peercompute/job-specs'
import { expect, it } from 'vitest'
import { connectedHost, smallSpec } from '../testing/fixtures.ts'
import type { Judging } from './acceptance.ts'
import { emptyFleetTrust } from './fleet-trust.ts'
import { judgingOf } from './judging.ts'
import { REFUSALS_PER_RESULT, transition } from './transition.ts'
import type { PendingResult } from './unit.ts'

const OUTPUTS = ['mean', 'error'].map((name) => ({ name, type: 'f64' as const, shape: [1] }))
const { host, account, subnet } = connectedHost('anyone')

function resultOf(epoch: number, mean: number, { error = 1, numericClass = 'test', probeVersion = 1 } = {}): PendingResult {
  const value = new Uint8Array(new Float64Array([mean, error]).buffer)
  const holder = { host, account, subnet, executor: 'js' as const }
  // Sixteen bytes in hex stand for their own digest.
  return { epoch, holder, numericClass, probeVersion, digest: toHex(value) as ContentHash, value, computeMs: 1, at: epoch }
}

const specWith = (comparator: Comparator, quorum = 2) =>
  smallSpec({ outputs: OUTPUTS, reduce: { kind: 'none' }, verification: { comparator, quorum, maxResults: 16 } })
const after = (results: readonly PendingResult[], comparator: Comparator, quorum?: number) =>
  transition({ results: [...results], failures: [], active: [], slow: [] }, specWith(comparator, quorum), judging(specWith(comparator)))

const judging = (spec: JobSpec): Judging => ({ ...judgingOf(emptyFleetTrust(), spec, neverAsked), draw: null })
const neverAsked = (): never => {
  throw new Error('no custom comparator here')
}

const verdicts = (next: ReturnType<typeof transition>) => (next.kind === 'settle' ? next.votes.map(({ verdict }) => verdict) : next.kind)

it('a chain settles round its middle, never from end to end', () => {
  const chain = [resultOf(1, 0), resultOf(2, 2), resultOf(3, 1)]
  const tolerance: Comparator = { kind: 'tolerance', absolute: 1, relative: 0 }
  expect(after(chain.slice(0, 2), tolerance).kind).toBe('open')
  expect(verdicts(after(chain, tolerance))).toEqual(['agrees', 'agrees', 'canonical'])
  expect(after([...chain.slice(0, 2), resultOf(3, 3)], tolerance, 3).kind).toBe('open')
})

it('two devices of one class that differ within the tolerance wait for another class, which decides', () => {
  const strict: Comparator = { kind: 'tolerance', absolute: 1, relative: 0, withinClass: 'exact' }
  const alike = [resultOf(1, 0), resultOf(2, 0.5)]
  expect(after(alike, strict)).toEqual({ kind: 'open', missing: 1 })
  expect(verdicts(after([...alike, resultOf(3, 0.25, { numericClass: 'other' })], strict))).toEqual(['agrees', 'agrees', 'canonical'])
  expect(verdicts(after(alike, { ...strict, withinClass: 'tolerance' }))).toEqual(['canonical', 'agrees'])
  expect(verdicts(after([resultOf(1, 0), resultOf(2, 0.5, { probeVersion: 2 })], strict))).toEqual(['canonical', 'agrees'])
})

it('a vote that only its own class rejects tells how far it is from what other classes may give', () => {
  const strict: Comparator = { kind: 'tolerance', absolute: 1, relative: 0, withinClass: 'exact' }
  const next = after([resultOf(1, 0), resultOf(2, 0.5), resultOf(3, -0.75, { numericClass: 'other' }), resultOf(4, 0)], strict, 3)
  expect(next).toMatchObject({ kind: 'settle', votes: [{ metric: 0 }, { verdict: 'rejected', metric: 0.5, bound: 1 }, {}, {}] })
})

it('a unit whose attempts the verifier keeps refusing is given up at last', () => {
  const spec = specWith({ kind: 'exact' })
  const refused = (attempts: number) => {
    const holder = { host, account, subnet, executor: 'js' as const }
    const failures = Array.from({ length: attempts }, (_, n) => ({ epoch: n, holder, reason: 'verification_failed' as const, message: '' }))
    return transition({ results: [], failures, active: [], slow: [] }, spec, judging(spec))
  }
  const most = REFUSALS_PER_RESULT * spec.verification.maxResults
  expect(refused(most - 1).kind).toBe('open')
  expect(refused(most)).toEqual({ kind: 'error', reason: 'too_many_failures' })
})

it('whatever settles has a centre that agrees directly with every result that it names, and with no other', () => {
  const seed = Date.now() % 2 ** 31
  console.info(`seed ${seed}`)
  const withinClass = fc.constantFrom('exact' as const, 'tolerance' as const)
  const anyComparator: fc.Arbitrary<Comparator> = fc.oneof(
    fc.constant<Comparator>({ kind: 'exact' }),
    fc.record({ kind: fc.constant('tolerance' as const), absolute: fc.integer({ min: 0, max: 4 }), relative: fc.constant(0), withinClass }),
    fc.record({ kind: fc.constant('ulp' as const), max: fc.integer({ min: 0, max: 2 }), withinClass }),
    fc.record({
      kind: fc.constant('statistical' as const),
      z: fc.integer({ min: 1, max: 4 }),
      estimates: fc.constant<Estimate[]>([{ mean: 'mean', standardError: 'error' }]),
      withinClass
    })
  )
  const anyMean = fc.oneof(
    fc.integer({ min: 0, max: 12 }),
    fc.integer({ min: 0, max: 4 }).map((steps) => 1 + steps * Number.EPSILON),
    fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -0)
  )
  const anyResult = fc.record({
    mean: anyMean,
    error: fc.constantFrom(0, 1, 1.5, 3),
    numericClass: fc.constantFrom('x', 'y'),
    probeVersion: fc.constantFrom(1, 2)
  })
  const met = new Map<string, number>()
  fc.assert(
    fc.property(
      anyComparator,
      fc.integer({ min: 2, max: 4 }),
      fc.array(anyResult, { minLength: 2, maxLength: 8 }),
      (comparator, quorum, all) => {
        const results = all.map(({ mean, ...rest }, index) => resultOf(index + 1, mean, rest))
        const agreeing = (centre: PendingResult) =>
          results.filter((other) => other === centre || compareResults(comparator, OUTPUTS, centre, other).agree)
        const next = after(results, comparator, quorum)
        const possible = results.some((centre) => agreeing(centre).length >= quorum)
        expect(next.kind).toBe(possible ? 'settle' : 'open')
        met.set(`${comparator.kind} ${next.kind}`, (met.get(`${comparator.kind} ${next.kind}`) ?? 0) + 1)
        if (next.kind !== 'settle') return
        expect(next.votes).toHaveLength(results.length)
        const accepted = next.votes.filter(({ verdict }) => verdict !== 'rejected').map(({ epoch }) => epoch)
        expect(accepted).toEqual(agreeing(next.canonical).map(({ epoch }) => epoch))
        expect(accepted.length).toBeGreaterThanOrEqual(quorum)
      }
    ),
    { seed, numRuns: 10_000 }
  )
  for (const kind of ['exact', 'tolerance', 'ulp', 'statistical'])
    for (const end of ['settle', 'open']) expect(met.get(`${kind} ${end}`) ?? 0, `${kind} ${end}`).toBeGreaterThan(50)
})

it('a pair is compared once, however often its unit is looked at', () => {
  const comparator: Comparator = { kind: 'tolerance', absolute: 0, relative: 0 }
  const spec = { ...specWith(comparator), outputs: [{ name: 'mean', type: 'f64' as const, shape: [65_536] }] }
  const large = Array.from({ length: 8 }, (_, index): PendingResult => {
    const value = new Uint8Array(new Float64Array(65_536).fill(index).buffer)
    let reads = 0
    const result = { ...resultOf(index + 1, index), digest: `${index}` as ContentHash }
    return Object.defineProperty(result, 'value', {
      get: () => {
        // Seven others, once each.
        if (++reads > 7) throw new Error('compared again')
        return value
      }
    })
  })
  const unit = { results: large, failures: [], active: [], slow: [] }
  for (let look = 0; look < 100; look++) expect(transition(unit, spec, judging(spec)).kind).toBe('open')
})
