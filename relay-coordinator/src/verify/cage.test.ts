import { seededRandom } from '@peercompute/job-specs/verifiers'
import { beforeAll, describe, expect, it } from 'vitest'
import { openCage, type Cage, type CageOutcome, type CageValue } from './cage.ts'

let cage: Cage
beforeAll(async () => {
  cage = await openCage()
})

function called(source: string, ...args: CageValue[]): CageOutcome {
  return cage.call({ source, entry: 'verify', args, fuel: 40 })
}

/** The body of `verify(a)`. */
const body = (text: string): string => `export function verify(a) { ${text} }`

describe('the cage', () => {
  it('gives typed arrays, numbers, texts, lists and fields to a program, and takes its answer', () => {
    const given = {
      n: 4,
      s: 'x',
      list: [1, 2.5],
      none: null,
      yes: true,
      f: Float32Array.of(1, 0.5),
      d: Float64Array.of(1e300),
      i: Int32Array.of(-1)
    }
    const program = `return { pass: a.n === 4 && a.s === 'x' && a.list[1] === 2.5 && a.none === null && a.yes && a.f[1] === 0.5 && a.f.length === 2
      && a.d[0] === 1e300 && a.i[0] === -1 && Array.isArray(a.list), detail: a.f.constructor.name }`
    expect(called(body(program), given)).toEqual({ ok: true, answer: { pass: true, detail: 'Float32Array' } })
  })

  it('copies what it gives', () => {
    const values = Uint32Array.of(1, 2)
    expect(called(body('a.values[0] = 9; return a.values[0] === 9'), { values })).toEqual({ ok: true, answer: true })
    expect([...values]).toEqual([1, 2])
  })

  it('draws what the coordinator would draw from the same seed', () => {
    const outcome = called(body('return { pass: true, metric: a.random() }'), { random: { seed: [1, 2, 3, 4] } })
    expect(outcome).toEqual({ ok: true, answer: { pass: true, metric: seededRandom([1, 2, 3, 4])() } })
  })

  it('counts steps: the same program ends at the same place', () => {
    const source = body('let n = 0; try { for (;;) n++ } finally { a.n[0] = n }')
    expect(called(source, { n: new Float64Array(1) })).toMatchObject({ ok: false, fault: 'out_of_fuel' })
    const steps = (count: number) => called(body(`let n = 0; while (n < ${count}) n++; return true`)).ok
    expect([steps(190_000), steps(190_000), steps(210_000), steps(210_000)]).toEqual([true, true, false, false])
  })

  it('has no clock, no chance, no network, no files and no other program', () => {
    const names =
      'Date performance process require fetch WebAssembly Worker setTimeout queueMicrotask console XMLHttpRequest navigator std os'
    const absent = names.split(' ').map((name) => `typeof ${name} === 'undefined'`)
    expect(called(body(`return ${absent.join(' && ')} && Math.random === undefined`))).toEqual({ ok: true, answer: true })
  })

  it('leaves nothing behind for the next program', () => {
    called(`globalThis.left = 1; Object.prototype.left = 1; Array.prototype.map = null; ${body('return true')}`)
    expect(called(body('return typeof left === "undefined" && ({}).left === undefined && [1].map((x) => x)[0] === 1'))).toEqual({
      ok: true,
      answer: true
    })
  })

  it.each([
    ['an endless loop', body('for (;;) {}'), 'out_of_fuel'],
    ['one before it is called', 'for (;;) {}', 'out_of_fuel'],
    ['one in catch and finally', body('for (;;) try { for (;;) {} } catch {} finally {}'), 'out_of_fuel'],
    ['one in a getter of the answer', body('return { get pass() { for (;;) {} } }'), 'out_of_fuel'],
    ['one in a generator', body('function* g() { try { yield 1 } finally { for (;;) {} } } for (const x of g()) break'), 'out_of_fuel'],
    ['a regular expression that backtracks', body("return /^(a|a)*$/.test('a'.repeat(60) + 'b')"), 'out_of_fuel'],
    ['a bomb of arrays', body('let all = new Array(1e5).fill(1); for (;;) all = all.concat(all)'), 'thrown'],
    ['a bomb of buffers', body('const all = []; for (;;) all.push(new Uint8Array(1 << 24))'), 'thrown'],
    ['a bomb of text', body("let s = 'x'; for (;;) s += s"), 'thrown'],
    ['a deep recursion', body('const f = () => f(); return f()'), 'thrown'],
    ['an exception', body("throw new Error('no')"), 'thrown'],
    ['an exception that cannot be read', body('throw { get name() { throw 1 } }'), 'thrown'],
    ['a text of ten megabytes thrown', body("throw 'x'.repeat(1e7)"), 'thrown'],
    ['a promise', 'export async function verify() { return true }', 'bad_answer'],
    ['await at the top', 'await new Promise(() => {}); export const verify = () => true', 'program'],
    ['an import', "import x from 'x'; export const verify = () => true", 'program'],
    ['a dynamic import', body("return import('x')"), 'bad_answer'],
    ['a syntax error', 'export function verify( {', 'program'],
    ['no export', 'export const other = 1', 'program'],
    ['nothing', body(''), 'bad_answer'],
    ['a number', body('return 1'), 'bad_answer']
  ])('ends %s', (_name, source, fault) => {
    const began = process.cpuUsage()
    const outcome = called(source)
    const { user, system } = process.cpuUsage(began)
    expect(outcome.ok ? 'ok' : [outcome.fault, outcome.detail.length <= 500].join()).toBe(outcome.ok ? fault : `${fault},true`)
    expect((user + system) / 1_000).toBeLessThan(3_000)
    expect(cage.broken).toBe(false)
    expect(called(body('return true'))).toEqual({ ok: true, answer: true })
  })

  it('reads answers where built-ins are spoiled, and getters, proxies and long texts', () => {
    const spoiled = `JSON.stringify = () => '{}'; Reflect.apply = null; String.prototype.slice = () => 'y'; Array.prototype[Symbol.iterator] = null
      Object.defineProperty(Object.prototype, 'kind', { set() { throw 1 }, get() { return 'boolean' } })
      Object.prototype.toJSON = () => true; ${body("return { pass: false, detail: 'no' }")}`
    expect(called(spoiled)).toEqual({ ok: true, answer: { pass: false, detail: 'no' } })
    expect(called(body('return new Proxy({}, { get: (_, name) => name === "pass" })'))).toMatchObject({ ok: true, answer: { pass: true } })
    const long = called(body("return { pass: true, detail: 'x'.repeat(1e6) }"))
    expect(long).toEqual({ ok: true, answer: { pass: true, detail: 'x'.repeat(500) } })
    expect(called(body('return { pass: { toString: () => "true" }, agree: [], metric: 1n }'))).toMatchObject({ answer: { pass: null } })
  })

  it('says when its engine gave up, so that the thread can be ended', async () => {
    const own = await openCage()
    const outcome = own.call({ source: body("return JSON.parse('['.repeat(3e6))"), entry: 'verify', args: [], fuel: 40 })
    expect(outcome).toMatchObject({ ok: false, fault: own.broken ? 'crashed' : 'thrown' })
  })
})
