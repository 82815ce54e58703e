/** What holds of every comparator whatever the values: 10 000 cases each, of a seed that is printed. */
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { compareResults, compareValues, MAX_DIFFERENCE } from './compare.ts'
import { UNIT_VALUE_MAX_BYTES } from './job.ts'
import { elementTypes, unitValueBytes, type OutputSpec } from './kernel.ts'
import { comparatorSchema, ULP_MAX, type Comparator } from './verification.ts'

const RUN = { seed: Date.now() % 2 ** 31, numRuns: 10_000 }
beforeAll(() => {
  console.info(`seed ${RUN.seed}`)
})

const OUTPUTS: readonly OutputSpec[] = [
  { name: 'mean', type: 'f64', shape: [2] },
  { name: 'error', type: 'f64', shape: [2] },
  { name: 'single', type: 'f32', shape: [1] },
  { name: 'whole', type: 'i32', shape: [1] }
]

const STRANGE = [
  Number.NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  2 ** -1040
]
const anyNumber = fc.oneof(fc.double(), fc.constantFrom(...STRANGE), fc.integer({ min: -3, max: 3 }))
const withinClass = fc.option(fc.constantFrom('exact' as const, 'tolerance' as const), { nil: undefined })
const finite = { noNaN: true, noDefaultInfinity: true }
const anyTolerance = fc.record({
  kind: fc.constant('tolerance' as const),
  absolute: fc.oneof(fc.double({ min: 0, max: 8, ...finite }), fc.double({ min: 0, ...finite })),
  relative: fc.double({ min: 0, max: 1, ...finite }),
  withinClass
})
const anyUlp = fc.record({
  kind: fc.constant('ulp' as const),
  max: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: ULP_MAX })),
  withinClass
})
const anyStatistical = fc.record({
  kind: fc.constant('statistical' as const),
  z: fc.double({ min: 1, max: 10, ...finite }),
  estimates: fc.constant([{ mean: 'mean', standardError: 'error' }]),
  errorRatio: fc.option(fc.double({ min: 1, max: 100, ...finite }), { nil: undefined }),
  withinClass
})
const anyComparator: fc.Arbitrary<Comparator> = fc
  .oneof(fc.constant({ kind: 'exact' as const }), anyTolerance, anyUlp, anyStatistical)
  .map((comparator) => comparatorSchema.parse(comparator))

type Numbers = readonly [number, number, number, number, number, number]
function valueOf([m0, m1, e0, e1, single, whole]: Numbers): Uint8Array {
  const view = new DataView(new ArrayBuffer(unitValueBytes(OUTPUTS)))
  ;[m0, m1, e0, e1].forEach((x, index) => view.setFloat64(8 * index, x, true))
  view.setFloat32(32, single, true)
  view.setInt32(36, whole, true)
  return new Uint8Array(view.buffer)
}
const errors = fc.oneof(fc.double({ min: 0, max: 4, ...finite }), anyNumber)
const anyNumbers = fc.tuple(anyNumber, anyNumber, errors, errors, anyNumber, fc.integer({ min: 0, max: 1 }))

/** The neighbour of a number, so that verdicts near a bound are met too. */
const nudged = (x: number, by: number) => (Number.isFinite(x) ? x * (1 + by * 2 ** -50) + by * Number.MIN_VALUE : x)
const anyPair: fc.Arbitrary<readonly [Uint8Array, Uint8Array]> = fc.oneof(
  fc.tuple(anyNumbers, anyNumbers).map(([a, b]) => [valueOf(a), valueOf(b)] as const),
  fc
    .tuple(anyNumbers, fc.integer({ min: -4, max: 4 }), fc.double({ min: -2, max: 2, ...finite }))
    .map(([a, steps, shift]) => [valueOf(a), valueOf([nudged(a[0], steps), a[1] + shift, a[2], nudged(a[3], steps), a[4], a[5]])] as const)
)

const smallerOrEqual = (a: number, b: number) => (a <= b ? ([a, b] as const) : ([b, a] as const))

/** Two comparators, the second of which permits all that the first does. */
const anyWidening: fc.Arbitrary<readonly [Comparator, Comparator]> = fc.oneof(
  fc.tuple(anyTolerance, anyTolerance).map(([a, b]) => {
    const [absolute, wider] = smallerOrEqual(a.absolute, b.absolute)
    const [relative, widerRelative] = smallerOrEqual(a.relative, b.relative)
    return [
      comparatorSchema.parse({ ...a, absolute, relative }),
      comparatorSchema.parse({ ...a, absolute: wider, relative: widerRelative })
    ] as const
  }),
  fc.tuple(anyUlp, anyUlp).map(([a, b]) => {
    const [max, wider] = smallerOrEqual(a.max, b.max)
    return [comparatorSchema.parse({ ...a, max }), comparatorSchema.parse({ ...a, max: wider })] as const
  }),
  fc.tuple(anyStatistical, anyStatistical).map(([a, b]) => {
    const [z, wider] = smallerOrEqual(a.z, b.z)
    const [errorRatio, widerRatio] = smallerOrEqual(a.errorRatio ?? 2, b.errorRatio ?? 2)
    return [comparatorSchema.parse({ ...a, z, errorRatio }), comparatorSchema.parse({ ...a, z: wider, errorRatio: widerRatio })] as const
  })
)

describe('every comparator', () => {
  it('is symmetric, and agrees exactly when its finite metric is within its finite bound', () => {
    const verdicts = new Map<string, number>()
    fc.assert(
      fc.property(anyComparator, anyPair, (comparator, [a, b]) => {
        const there = compareValues(comparator, OUTPUTS, a, b)
        const back = compareValues(comparator, OUTPUTS, b, a)
        expect([back.agree, back.metric, back.bound]).toEqual([there.agree, there.metric, there.bound])
        expect(there.agree).toBe(there.metric <= there.bound)
        expect(Number.isFinite(there.metric) && there.metric >= 0 && Number.isFinite(there.bound)).toBe(true)
        expect(there.detail).toMatch(/^[A-Z0-9].*\.$/)
        const met = `${comparator.kind} ${there.agree ? (there.metric > 0 ? 'near' : 'equal') : 'apart'}`
        verdicts.set(met, (verdicts.get(met) ?? 0) + 1)
      }),
      RUN
    )
    // The cases are worth something: each kind accepted a difference, and refused one.
    for (const kind of ['tolerance', 'ulp', 'statistical'])
      for (const verdict of ['near', 'apart']) expect(verdicts.get(`${kind} ${verdict}`) ?? 0, `${kind} ${verdict}`).toBeGreaterThan(20)
  })

  it('agrees with itself whatever the bytes: NaN of any bits, infinities, −0, subnormals', () => {
    const anyBytes = fc.uint8Array({ minLength: unitValueBytes(OUTPUTS), maxLength: unitValueBytes(OUTPUTS) })
    fc.assert(
      fc.property(anyComparator, fc.oneof(anyBytes, anyNumbers.map(valueOf)), (comparator, value) => {
        expect(compareValues(comparator, OUTPUTS, value, value.slice())).toMatchObject({ agree: true, metric: 0 })
      }),
      RUN
    )
  })

  it('agrees with all that it agreed with when its bound is widened', () => {
    fc.assert(
      fc.property(anyWidening, anyPair, ([narrow, wide], [a, b]) => {
        if (compareValues(narrow, OUTPUTS, a, b).agree) expect(compareValues(wide, OUTPUTS, a, b).agree).toBe(true)
      }),
      RUN
    )
  })

  it('never agrees when byte lengths differ', () => {
    const anyLength = fc.uint8Array({ maxLength: 2 * unitValueBytes(OUTPUTS) })
    fc.assert(
      fc.property(anyComparator, anyLength, anyNumbers.map(valueOf), (comparator, a, b) => {
        fc.pre(a.length !== b.length)
        expect(compareValues(comparator, OUTPUTS, a, b)).toMatchObject({ agree: false, metric: MAX_DIFFERENCE })
        expect(compareValues(comparator, OUTPUTS, b, a)).toMatchObject({ agree: false, metric: MAX_DIFFERENCE })
      }),
      RUN
    )
  })

  it('is never more lenient within a numeric class than across', () => {
    fc.assert(
      fc.property(anyComparator, anyPair, (comparator, [a, b]) => {
        const of = (value: Uint8Array, numericClass: string) => ({ value, numericClass, probeVersion: 1 })
        const within = compareResults(comparator, OUTPUTS, of(a, 'x'), of(b, 'x')).agree
        if (within) expect(compareResults(comparator, OUTPUTS, of(a, 'x'), of(b, 'y')).agree).toBe(true)
      }),
      RUN
    )
  })
})

describe('the largest values', () => {
  // Milliseconds: about ten times what a slow core takes, so that a quadratic step shows and a busy machine does not.
  const LIMIT_MS = 2_000

  it.each(elementTypes)('of 1 MiB of %s are compared in bounded time', (type) => {
    const size = { u8: 1, i32: 4, u32: 4, f32: 4, f64: 8 }[type]
    const elements = UNIT_VALUE_MAX_BYTES / size / 2
    const outputs: OutputSpec[] = ['mean', 'error'].map((name) => ({ name, type, shape: [elements] }))
    const [a, b] = [new Uint8Array(UNIT_VALUE_MAX_BYTES), new Uint8Array(UNIT_VALUE_MAX_BYTES)]
    a.forEach((_, index) => {
      a[index] = (index * 31) & 0x3f
      b[index] = (index * 37) & 0x3f
    })
    const comparators: readonly Comparator[] = [
      { kind: 'exact' },
      { kind: 'tolerance', absolute: 1, relative: 0.5 },
      { kind: 'ulp', max: 4 },
      { kind: 'statistical', z: 3, estimates: [{ mean: 'mean', standardError: 'error' }] }
    ]
    for (const comparator of comparators) {
      const start = performance.now()
      compareValues(comparator, outputs, a, b)
      expect(performance.now() - start, comparator.kind).toBeLessThan(LIMIT_MS)
    }
  })
})
