/** Which lost votes say something of their hosts. */
import type { Comparator, ContentHash, JobSpec } from '@peercompute/job-specs'
import { toHex } from '@peercompute/job-specs'
import { expect, it } from 'vitest'
import { connectedHost, smallSpec } from '../testing/fixtures.ts'
import { compared } from './agreement.ts'
import { faultsOf } from './fault.ts'
import type { PendingResult } from './unit.ts'

const OUTPUTS = [{ name: 'x', type: 'f64' as const, shape: [1] }]

function resultOf(
  name: string,
  x: number,
  numericClass = 'common',
  more: { probeVersion?: number; executor?: 'js' | 'wasm' } = {}
): PendingResult {
  const { host, account, subnet } = connectedHost(name)
  const value = new Uint8Array(new Float64Array([x]).buffer)
  const { probeVersion = 1, executor = 'js' } = more
  const digest = toHex(value) as ContentHash
  return { epoch: 1, holder: { host, account, subnet, executor }, numericClass, probeVersion, digest, value, computeMs: 1, at: 1 }
}

function specWith(comparator: Comparator, independence: 'host' | 'executor' = 'host'): JobSpec {
  return smallSpec({ outputs: OUTPUTS, reduce: { kind: 'none' }, verification: { comparator, independence } })
}

function faults(spec: JobSpec, star: readonly PendingResult[], lost: readonly PendingResult[], errorProbability = 0.0005) {
  const compare = (a: PendingResult, b: PendingResult) =>
    compared(a, b, spec, () => {
      throw new Error('no custom comparator here')
    })
  return faultsOf({ star, results: [...star, ...lost], errorProbability, failures: [] }, spec, { compare })
}

const EXACT = specWith({ kind: 'exact' })
const TWO = [resultOf('a', 1), resultOf('b', 1)]

it('a device of the same class that differs is wrong', () => {
  expect(faults(EXACT, TWO, [resultOf('c', 2)])).toMatchObject([{ telling: true, accomplices: [] }])
})

it('a device class that nobody else has is never wrong under an exact comparator, whatever it says', () => {
  expect(faults(EXACT, TWO, [resultOf('c', 1 + Number.EPSILON, 'rare')])).toMatchObject([{ telling: false, accomplices: [] }])
  expect(faults(EXACT, TWO, [resultOf('c', 99, 'common', { probeVersion: 2 })])).toMatchObject([{ telling: false }])
  const rare = [resultOf('c', 1 + Number.EPSILON, 'rare'), resultOf('d', 1 + Number.EPSILON, 'rare')]
  expect(faults(EXACT, TWO, rare).map(({ telling, accomplices }) => [telling, accomplices.length])).toEqual([
    [false, 0],
    [false, 0]
  ])
})

it('within a class that owes equal bytes, a difference inside the tolerance says nothing, and one beyond it does', () => {
  const strict = specWith({ kind: 'tolerance', absolute: 0.5, relative: 0, withinClass: 'exact' })
  expect(faults(strict, TWO, [resultOf('c', 1.25)])).toEqual([])
  expect(faults(strict, TWO, [resultOf('c', 2)])).toMatchObject([{ telling: true }])
  expect(faults(strict, TWO, [resultOf('c', 2, 'rare')])).toMatchObject([{ telling: true }])
})

it('losing against an answer that is not sure says nothing', () => {
  expect(faults(EXACT, TWO, [resultOf('c', 2)], 0.02)).toMatchObject([{ telling: false }])
})

it('independent hosts with the same wrong answer are accomplices, two executors of one host are not', () => {
  const [one, two] = faults(EXACT, TWO, [resultOf('c', 2), resultOf('d', 2)])
  expect(one?.accomplices).toEqual([connectedHost('d').host])
  expect(two?.accomplices).toEqual([connectedHost('c').host])
  const alone = faults(specWith({ kind: 'exact' }, 'executor'), TWO, [resultOf('c', 2), resultOf('c', 2, 'common', { executor: 'wasm' })])
  expect(alone.map(({ telling, accomplices }) => [telling, accomplices.length])).toEqual([
    [true, 0],
    [true, 0]
  ])
})

it('accomplices agree within the tolerance as well', () => {
  const loose = specWith({ kind: 'tolerance', absolute: 0.5, relative: 0 })
  expect(faults(loose, TWO, [resultOf('c', 5), resultOf('d', 5.25)]).map(({ accomplices }) => accomplices.length)).toEqual([1, 1])
})
