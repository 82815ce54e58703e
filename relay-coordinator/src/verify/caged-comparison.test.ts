import { blobRef, utf8, type Bytes, type ClassedValue, type ContentHash, type JobSpec } from '@peercompute/job-specs'
import { afterAll, describe, expect, it } from 'vitest'
import { smallSpec, u32 } from '../testing/fixtures.ts'
import { createCagedComparison } from './caged-comparison.ts'

const programs = new Map<ContentHash, Bytes>()
let reads = 0
const caged = createCagedComparison({
  readBlob: (sha256) => {
    reads++
    const program = programs.get(sha256)
    if (program === undefined) throw new Error('the program is not here')
    return program
  }
})

afterAll(() => caged.close())

function comparing(source: string, withinClass?: 'exact') {
  const program = utf8(source)
  const js = blobRef(program)
  programs.set(js.sha256, program)
  const spec: JobSpec = smallSpec({ verification: { comparator: { kind: 'custom', js, ...(withinClass && { withinClass }) } } })
  const value = (number: number, numericClass = 'a'): ClassedValue => ({ value: u32(number), numericClass, probeVersion: 1 })
  return (a: number, b: number, other = 'b') => caged.compare(spec, value(a), value(b, other))
}

const NEAR =
  'export const agree = (a, b) => { const metric = Math.abs(a.count[0] - b.count[0]); return { agree: metric <= 2, metric, bound: 2 } }'

describe('comparators of jobs', () => {
  it('decide, and say how far apart the values are', () => {
    const compare = comparing(NEAR)
    expect(compare(5, 7)).toEqual({ agree: true, metric: 2, bound: 2, detail: "The job's comparator says yes." })
    expect(compare(5, 8)).toMatchObject({ agree: false, metric: 3, bound: 2 })
    expect(reads).toBe(1)
  })

  it('may answer yes or no', () => {
    const compare = comparing('export default (a, b) => a.count[0] % 2 === b.count[0] % 2')
    expect([compare(1, 3).agree, compare(1, 2).agree]).toEqual([true, false])
  })

  it('are not asked within a numeric class that owes every byte', () => {
    const compare = comparing(NEAR, 'exact')
    expect(compare(5, 6, 'a').agree).toBe(false)
    expect(compare(5, 6, 'b').agree).toBe(true)
  })

  it('must say the same both ways round', () => {
    const compare = comparing('export const agree = (a, b) => a.count[0] <= b.count[0]')
    expect(compare(1, 2)).toMatchObject({ agree: false, detail: 'The comparator says yes one way round and no the other way round.' })
    expect(compare(1, 2).failed).toBeUndefined()
  })

  it.each([
    ['throws', 'export const agree = () => { throw new Error("no idea") }', 'agree threw: Error: no idea'],
    ['never ends', 'export const agree = () => { for (;;) {} }', 'The program took more than 800000 steps.'],
    [
      'never ends in a built-in function',
      'export const agree = () => [].indexOf.call({ length: 2 ** 53 - 1 }, 1)',
      'agree took longer than 1000 ms.'
    ],
    ['does not load', 'export const agree = (', 'The program cannot be loaded'],
    ['returns a promise', 'export const agree = async () => true', 'returned a promise'],
    ['returns no distance', 'export const agree = () => ({ agree: true, metric: NaN })', 'finite numbers from 0'],
    ['contradicts itself', 'export const agree = () => ({ agree: true, metric: 3, bound: 2 })', 'say otherwise']
  ])('one that %s has failed, and the next is asked as before', (_name, source, detail) => {
    const compare = comparing(source)
    for (let i = 0; i < 2; i++)
      expect(compare(1, 2)).toMatchObject({ agree: false, failed: true, detail: expect.stringContaining(detail) as string })
  })
})
