import { loadKernel } from '@peercompute/kernels/files'
import { create } from 'webgpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { moduleWithHead } from '../module-head.ts'
import { guardWgsl, lintWgsl, type WgslLint } from './guard-wgsl.ts'

const HEAD = '@group(1) @binding(0) var<storage, read_write> value: array<u32>;\n'
const main = (body: string, before = ''): string =>
  `${HEAD}${before}@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) own: u32) { ${body} }`

/** Devices end with it. */
const gpu = create(['backend=null'])
let device: GPUDevice
beforeAll(async () => {
  const adapter = await gpu.requestAdapter()
  if (adapter === null) throw new Error('Dawn has no null backend')
  device = await adapter.requestDevice({ requiredFeatures: ['subgroups'] })
})

function lint(text: string, params = {}): WgslLint {
  const answer = lintWgsl(text, params)
  if ('reason' in answer) throw new Error(answer.message)
  return answer
}
function refusal(text: string): string {
  const answer = guardWgsl(text, {})
  return 'reason' in answer ? answer.message : 'not refused'
}
/** Null when Tint takes the guarded kernel. */
async function complaint(text: string, params = {}): Promise<string | null> {
  const { code, fuelled } = lint(text, params)
  device.pushErrorScope('validation')
  const { messages } = await device.createShaderModule({ code: moduleWithHead(code, fuelled).code }).getCompilationInfo()
  await device.popErrorScope()
  return messages.find(({ type }) => type === 'error')?.message ?? null
}
/** How the loops of a body are kept in bounds: the trips of a bounded one, else the word. */
const kept = (body: string, before = '', params = {}): (string | number)[] =>
  lint(main(body, before), params).loops.map(({ how, trips }) => trips ?? how)

describe('guardWgsl', () => {
  it('leaves the kernels of the library as fast as they are, where their parameters bound them', async () => {
    const text = async (name: 'mandelbrot' | 'keeling-fit' | 'n-queens') => {
      const { programs, blobs } = await loadKernel(name)
      const hash = programs.wgsl.sha256
      return new TextDecoder().decode(blobs.get(hash))
    }
    expect(lint(await text('mandelbrot'), { maxIterations: 500 })).toMatchObject({ fuelled: false, loops: [{ trips: 500 }] })
    expect(lint(await text('keeling-fit'))).toMatchObject({ fuelled: false, loops: [{ trips: 4_096 }] })
    const queens = await text('n-queens')
    expect(lint(queens, { n: 12 }).loops.map(({ how }) => how)).toEqual(['bounded', 'fuelled'])
    expect(await complaint(queens, { n: 12 })).toBeNull()
  })

  it.each<[string, number]>([
    ['for (var i = 0u; i < 10u; i++) {}', 10],
    ['for (var i = 0; i <= 10; i += 3) {}', 4],
    ['for (var i = 10; i >= 0; i--) {}', 11],
    ['for (var i = 10u; i > 0u; i -= 1u) {}', 10],
    ['for (var i: i32 = 2; 12 > i; i = i + 5) {}', 2],
    ['for (var i = 0u; i != 12u; i += 4u) {}', 3],
    ['for (var i = own; i < 1024u; i += 64u) {}', 16],
    ['for (var i = 0u; i < N * 2u; i++) {}', 16],
    ['for (var i = 0u; i < min(arrayLength(&value), 32u); i++) {}', 32],
    ['for (var i = 0u; i < 100u && value[i] == 0u; i++) {}', 100],
    ['for (var s = 128u; s > 0u; s >>= 1u) {}', 33],
    ['for (var s = 1u; s < 64u; s *= 2u) {}', 33],
    ['let most = clamp(value[0], 1u, 20u); for (var i = 0u; i < most; i++) {}', 20],
    ['var n = 0u; for (; n < 50u; n++) {}', 50],
    ['for (var i = 0u; i < (value[0] & 7u); i++) {}', 7]
  ])('knows how often it runs: %s', async (body, trips) => {
    expect(kept(body, 'const N = 8u;\n')).toEqual([trips])
    expect(await complaint(main(body, 'const N = 8u;\n'))).toBeNull()
  })

  it.each([
    'for (var i = 0u; i <= 4294967295u; i++) {}',
    'for (var i = 10u; i >= 0u; i--) {}',
    'for (var i = 0u; i < 4294967290u; i += 100u) {}',
    'for (var i = 0u; i != 7u; i += 2u) {}',
    'for (var x = 0.0; x < 100.0; x += 0.5) {}',
    'for (var i = 0u; i < 9u; i++) { i -= 1u; }',
    'for (var i = 0u; i < 9u; i++) { (i) = 0u; }',
    'for (var i = 0u; i < 9u; i++) { let p = &(i); *p = 0u; }',
    'var i = 0u; let p = &i; for (; i < 9u; i++) { *p = 0u; }',
    'var N = value[0]; for (var i = 0u; i < N; i++) {}',
    'let n = value[0]; for (var i = 0u; i < n; i++) {}',
    'for (var i = 1u; i > 0u; i >>= 0u) {}',
    'for (var i = 0u; i < 9u; i *= 2u) {}',
    'for (var i = 5; i != 0; i >>= 1u) { if (value[0] == 1u) { continue; } i = -1; }',
    'while (value[0] < 9u) {}',
    'loop { if (value[0] == 9u) { break; } }'
  ])('gives fuel where it does not know: %s', async (body) => {
    expect(kept(body, 'const N = 8u;\n')).toEqual(['fuelled'])
    expect(await complaint(main(body, 'const N = 8u;\n'))).toBeNull()
  })

  it("takes the job's parameters for what they are, and no other struct's", () => {
    const uniform = 'struct P { n: u32, x: f32 }\n@group(1) @binding(1) var<uniform> params: P;\n'
    const loop = 'for (var i = 0u; i < params.n; i++) {}'
    expect(kept(loop, uniform, { n: 9, x: 9 })).toEqual([9])
    expect(kept(loop, uniform, { x: 9 })).toEqual(['fuelled'])
    expect(kept(loop, uniform.replace('n: u32', '@align(16) n: u32'), { n: 9 })).toEqual(['fuelled'])
    expect(kept(loop, 'struct P { n: u32 }\nvar<private> params: P;\n', { n: 9 })).toEqual(['fuelled'])
    expect(kept(`var params = P(); ${loop}`, uniform, { n: 9 })).toEqual(['fuelled'])
  })

  it('gives fuel to bounded loops that are too long together', () => {
    const loop = (inner: string): string => `for (var i = 0u; i < 1000u; i++) { ${inner} }`
    expect(kept(loop(''))).toEqual([1_000])
    expect(kept(loop(loop(loop('value[0]++;'))))).toEqual(['fuelled', 'fuelled', 1_000])
    expect(kept('f();', `fn f() { ${loop(loop(''))} }\n`)).toEqual(['fuelled', 1_000])
    // The outer iteration pays for the inner loop.
    expect(lint(main(loop(loop(loop('value[0]++;'))))).loops[1]?.steps).toBeGreaterThan(200)
  })

  it.each([
    'for (var t = 0u; t < arrayLength(&shared_input) / 64u; t++) { workgroupBarrier(); }',
    'loop { let go = workgroupUniformLoad(&flag); if (go == 0u) { break; } }',
    'loop { f(); if (shared_input[0] == 0u) { break; } }',
    'loop { loop { workgroupBarrier(); if (shared_input[1] == 0u) { break; } } if (shared_input[0] == 0u) { break; } }',
    'var s = 1u; for (var i = 0u; i < shared_input[0]; i++) { storageBarrier(); s *= 2u; }'
  ])('keeps control flow uniform around barriers: %s', async (body) => {
    const before =
      '@group(1) @binding(1) var<storage, read> shared_input: array<u32>;\nvar<workgroup> flag: u32;\nfn f() { workgroupBarrier(); }\n'
    expect(new Set(kept(body, before))).toEqual(new Set(['barrier']))
    expect(await complaint(main(body, before))).toBeNull()
  })

  it('lets a function return what it must after its loop was ended', async () => {
    for (const [type, value] of [
      ['u32', '1u'],
      ['vec4< f32 >', 'vec4f(1)'],
      ['array<S, 2>', 'array<S, 2>()']
    ] as const) {
      const before = `struct S { a: u32 }\nfn f() -> ${type} { loop { if (value[0] == 3u) { return ${value}; } switch value[1] { default: { break; } } } }\n`
      expect(await complaint(main('_ = f();', before))).toBeNull()
      expect(await complaint(main('_ = f();', before.replace('loop', 'for (;;)')))).toBeNull()
    }
  })

  it('finds the loops behind every comment and line break of WGSL, and keeps the lines', async () => {
    const text = main(
      '/* /* */ loop {} */ // \u2028 loop { if (value[0] == 1u) { break; } } // \u0085 while (value[0] == 2u) { } //\n// loop {}\n'
    )
    const { loops, code } = lint(text)
    expect(loops.map(({ how, place }) => [how, place])).toEqual([
      ['fuelled', 'line 3:2'],
      ['fuelled', 'line 4:2']
    ])
    expect(code).not.toContain('/')
    const breaks = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/gu
    expect(code.match(breaks)).toEqual(text.match(breaks))
    expect(await complaint(text)).toBeNull()
  })

  it.each<[string, RegExp]>([
    [main('value[0] = peercompute_fuel;'), /^line 2:\d+: Names that begin with peercompute_/],
    [main('', 'fn atomicStore(a: u32) {}\n'), /^line 2:4: "atomicStore" is a word/],
    [main('', 'alias u32 = i32;\n'), /"u32" is a word/],
    [main('', 'var<private> atomicLoad: i32;\n'), /"atomicLoad" is a word/],
    [main('', '@group(0) @binding(1) var<storage> x: u32;\n'), /^line 2:1: Group 0 belongs/],
    [main('', '@group(1 - 1) @binding(1) var<storage> x: u32;\n'), /must be written as a number/],
    [main('', 'fn a() { b(); }\nfn b() { a(); }\n'), /"a" calls itself/],
    [main('loop (true) {}'), /"\{" was expected/],
    [main('while (true) ;'), /"\{" was expected/],
    [main('/* '), /does not end/],
    [main('value[0] = 1u; # '), /WGSL has no character "#"/],
    [main('((('), /closes nothing|is not closed/],
    [`${HEAD}nonsense`, /^line 2:1: A declaration was expected/],
    [
      main('for (var t = 0u; t < value[0]; t++) { f(); }', 'fn f() { while (value[0] == 0u) { workgroupBarrier(); } }\n'),
      /One iteration of this loop with barriers/
    ],
    [
      main('for (var i = 0u; i < value[0]; i++) { workgroupBarrier(); }'.repeat(9)),
      /^line 2:\d+: The loops with barriers that "main" runs may take too long/
    ]
  ])('refuses with a place: %s', (text, words) => {
    expect(refusal(text)).toMatch(words)
  })

  it('is done in bounded time, whatever the text', () => {
    const doubling = Array.from({ length: 3_000 }, (_, at) => `const c${at + 1} = c${at} + c${at};`).join('\n')
    const texts = [
      main('for (var i = 0u; i < c3000; i++) {}', `const c0 = 1u;\n${doubling}\n`),
      main('if (value[0] == 1u) {'.repeat(20_000)),
      main('for (;;) {}'.repeat(2_000)),
      main('for (var i = 0u; i < 9u; i++) { value[i] = i; }'.repeat(2_000)),
      main(`value[0] = ${'-'.repeat(200_000)}1;`),
      `${HEAD}${'fn f() {}'.repeat(30_000)}`,
      '/*'.repeat(200_000)
    ]
    const started = performance.now()
    for (const text of texts) guardWgsl(text, {})
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})
