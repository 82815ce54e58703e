import { expect, test } from 'vitest'
import { blobRef } from '../blob.ts'
import { utf8 } from '../bytes.ts'
import { UNIT_VALUE_MAX_BYTES } from '../job.ts'
import { filesOf, jobFileSchema, toJobSpec, type JobMaterial, type LibraryJob } from './index.ts'

const program = blobRef(utf8('export default () => ({})'))
const data = blobRef(utf8('data'))
const nothing: JobMaterial = { blobs: new Map() }

const own = {
  peercompute: 1,
  name: 'mine',
  kernel: { name: 'mine', js: 'kernel.js', wgsl: { file: 'kernel.wgsl', passes: [{ entry: 'main', grid: [64] }] } },
  units: 10,
  inputs: [{ name: 'table', file: 'data/table.f32', type: 'f32' }],
  outputs: [{ name: 'total', type: 'u32', shape: [2, 3] }]
}
const blobs = new Map([
  ['kernel.js', program],
  ['kernel.wgsl', program],
  ['data/table.f32', data]
])

const library: LibraryJob = {
  kernel: { name: 'n-queens', abi: 1, js: { blob: program } },
  title: 'Queens',
  params: { n: 8, depth: 2 },
  unitCount: 64,
  outputs: [{ name: 'count', type: 'u32', shape: [1] }],
  reduce: { kind: 'sum', output: 'count' },
  unitOperations: 5_000
}

function build(file: object, material: JobMaterial = { blobs }) {
  return toJobSpec(jobFileSchema.parse(file), material)
}

test('an own kernel becomes a specification with the defaults of the format', () => {
  expect(build(own)).toEqual({
    ok: true,
    spec: {
      v: 1,
      name: 'mine',
      title: 'mine',
      description: '',
      researcher: '',
      revision: 1,
      kernel: {
        name: 'mine',
        abi: 1,
        js: { blob: program },
        wgsl: { blob: program, passes: [{ entry: 'main', grid: [64, 1, 1], repeat: 1 }] }
      },
      params: {},
      unitCount: 10,
      inputs: [{ name: 'table', type: 'f32', blob: data }],
      outputs: [{ name: 'total', type: 'u32', shape: [2, 3] }],
      verification: {
        policy: 'credibility',
        errorProbability: 0.001,
        independence: 'subnet',
        comparator: { kind: 'exact' },
        maxResults: 16
      },
      reduce: { kind: 'none' },
      limits: { unitSeconds: 60, outputBytes: 24, memoryBytes: 268_435_456 },
      unitOperations: 1_000_000
    },
    plan: null
  })
})

test('what the library knows need not be written, and what is written wins', () => {
  const built = build(
    { peercompute: 1, name: 'eight', kernel: 'n-queens', params: { n: 12 }, verification: { quorum: 3 }, units: 7 },
    { ...nothing, library }
  )
  expect(built).toMatchObject({
    ok: true,
    spec: {
      title: 'Queens',
      params: { n: 12, depth: 2 },
      unitCount: 7,
      reduce: { kind: 'sum' },
      unitOperations: 5_000,
      verification: { policy: 'quorum', quorum: 3, independence: 'subnet', maxResults: 8 }
    }
  })
})

test('a comparator of numbers in the file is strict within a numeric class unless it says otherwise; a library kernel keeps its own', () => {
  const tolerance = { kind: 'tolerance', absolute: 1, relative: 0 } as const
  const comparatorOf = (file: object, material?: JobMaterial) => {
    const built = build(file, material)
    return built.ok ? built.spec.verification.comparator : built.issues
  }
  expect(comparatorOf({ ...own, verification: { comparator: tolerance } })).toEqual({ ...tolerance, withinClass: 'exact' })
  expect(comparatorOf({ ...own, verification: { comparator: { kind: 'ulp', max: 4 } } })).toEqual({
    kind: 'ulp',
    max: 4,
    withinClass: 'exact'
  })
  const loose = { ...tolerance, withinClass: 'tolerance' }
  expect(comparatorOf({ ...own, verification: { comparator: loose } })).toEqual(loose)
  const derived: LibraryJob = {
    ...library,
    verification: { policy: 'quorum', quorum: 2, independence: 'host', maxResults: 8, comparator: tolerance }
  }
  expect(comparatorOf({ peercompute: 1, name: 'eight', kernel: 'n-queens' }, { ...nothing, library: derived })).toEqual(tolerance)
})

test('an error and a budget are planned for the units of the job, and the plan is told', () => {
  const planned = (units: number, verification: object) => {
    const built = build({ ...own, units, verification })
    return built.ok ? [built.spec.verification, built.plan?.explanation] : built.issues
  }
  expect(planned(50_000, { errorProbability: 0.01 })).toMatchObject([
    { policy: 'credibility', errorProbability: 0.01, maxResults: 16 },
    expect.stringContaining('at most 1 %')
  ])
  expect(planned(10, { errorProbability: 0.01 })).toMatchObject([
    { policy: 'quorum', quorum: 3, maxResults: 8 },
    expect.stringContaining('fewer than 1000 units')
  ])
  expect(planned(10, { budget: 2 })).toMatchObject([{ policy: 'quorum', quorum: 2 }, expect.stringContaining('budget of 2')])
  expect(planned(50_000, { policy: 'adaptive' })).toMatchObject([{ policy: 'adaptive', quorum: 2 }, undefined])
})

test.each<[object, string, string]>([
  [{ policy: 'credibility', budget: 2 }, 'budget', 'leave out one of the two'],
  [{ quorum: 2, critical: true }, 'critical', '"quorum" is one'],
  [{ quorum: 2, errorProbability: 0.01 }, 'errorProbability', 'promises none'],
  [{ policy: 'adaptive', errorProbability: 0.01 }, 'errorProbability', '"policy: adaptive"'],
  [{ policy: 'credibility', quorum: 3 }, 'quorum', 'counts no results'],
  [{ policy: 'verifier' }, 'policy', 'needs "verify"'],
  [{ critical: true, budget: 2 }, 'budget', 'raise it, or leave out "critical"']
])('%j is refused with one sentence at %s', (verification, field, sentence) => {
  const built = build({ ...own, verification })
  expect(built).toEqual({
    ok: false,
    issues: [{ path: ['verification', field], atKey: true, message: expect.stringContaining(sentence) }]
  })
})

test('a library kernel with a check of its own keeps it, unless the file wants another rule', () => {
  const verify = { kind: 'custom', js: program } as const
  const verification = { policy: 'verifier', verify, independence: 'host', comparator: { kind: 'ulp', max: 2 }, maxResults: 8 } as const
  const policyOf = (file: object) => {
    const built = build(
      { peercompute: 1, name: 'eight', kernel: 'n-queens', ...file },
      { ...nothing, library: { ...library, verification } }
    )
    return built.ok ? built.spec.verification : built.issues
  }
  expect(policyOf({})).toMatchObject({ policy: 'verifier', verify, independence: 'subnet' })
  expect(policyOf({ verification: { errorProbability: 0.01 } })).toMatchObject({ policy: 'verifier', verify })
  expect(policyOf({ verification: { quorum: 2 } })).toMatchObject({ policy: 'quorum', quorum: 2, comparator: { kind: 'ulp', max: 2 } })
  expect(policyOf({ verification: { critical: true } })).toMatchObject({ policy: 'quorum', quorum: 3 })
})

test('a kernel that the library does not have is refused at its field', () => {
  expect(build({ peercompute: 1, name: 'x', kernel: 'n-quens' }, nothing)).toMatchObject({ ok: false, issues: [{ path: ['kernel'] }] })
})

test.each([
  ['kernel.js', ['kernel', 'js']],
  ['kernel.wgsl', ['kernel', 'wgsl', 'file']],
  ['data/table.f32', ['inputs', 0, 'file']]
])('a missing file %s is refused at its field', (path, field) => {
  const rest = new Map([...blobs].filter(([name]) => name !== path))
  expect(build(own, { blobs: rest })).toMatchObject({ ok: false, issues: [{ path: field, message: expect.stringContaining(path) }] })
})

test.each([
  [
    'outputs larger than a report carries',
    { ...own, outputs: [{ name: 'a', type: 'f64', shape: [UNIT_VALUE_MAX_BYTES] }] },
    ['outputs'],
    '8388608 bytes'
  ],
  ['outputs larger than the limit', { ...own, limits: { outputBytes: 8 } }, ['outputs'], 'take 24 bytes'],
  [
    'an estimate of no output',
    { ...own, verification: { comparator: { kind: 'statistical', z: 5, estimates: [{ mean: 'nope', standardError: 'total' }] } } },
    ['verification', 'comparator', 'estimates', 0, 'mean'],
    'names "nope", which is not an output'
  ],
  [
    'a mean in whole numbers',
    { ...own, verification: { comparator: { kind: 'statistical', z: 5, estimates: [{ mean: 'total', standardError: 'error' }] } } },
    ['verification', 'comparator', 'estimates', 0, 'mean'],
    'must be of type f32 or f64'
  ],
  [
    'one error for two means',
    {
      ...own,
      outputs: [
        { name: 'mean', type: 'f32', shape: [2] },
        { name: 'error', type: 'f32', shape: [1] }
      ],
      verification: { comparator: { kind: 'statistical', z: 5, estimates: [{ mean: 'mean', standardError: 'error' }] } }
    },
    ['verification', 'comparator', 'estimates', 0, 'standardError'],
    '"error" with 1 elements for "mean" with 2'
  ],
  [
    'a mean that is its own error',
    {
      ...own,
      outputs: [{ name: 'mean', type: 'f64', shape: [2] }],
      verification: { comparator: { kind: 'statistical', z: 5, estimates: [{ mean: 'mean', standardError: 'mean' }] } }
    },
    ['verification', 'comparator', 'estimates', 0, 'standardError'],
    'a second time'
  ],
  ['a reducer over no output', { ...own, reduce: { kind: 'argmin', output: 'nope' } }, ['reduce', 'output'], 'names "nope"'],
  [
    'a view of no output',
    { ...own, view: { kind: 'image', output: 'nope', columns: 2, scale: 'log' } },
    ['view', 'output'],
    'names "nope"'
  ],
  [
    'the same name for input and output',
    { ...own, inputs: [{ name: 'total', file: 'data/table.f32', type: 'f32' }] },
    ['outputs'],
    'must differ'
  ],
  [
    'fewer results than the quorum',
    { ...own, verification: { quorum: 4, maxResults: 3 } },
    ['verification', 'maxResults'],
    'must be at least the quorum'
  ],
  [
    'a grid that is too deep',
    { ...own, kernel: { name: 'a', wgsl: { file: 'kernel.wgsl', passes: [{ entry: 'main', grid: [1, 1, 70_000] }] } } },
    ['kernel', 'wgsl', 'passes', 0, 'grid', 2],
    'at most 65535'
  ]
])('%s: refused at its field', (_, file, path, sentence) => {
  expect(build(file)).toMatchObject({
    ok: false,
    issues: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(sentence) })])
  })
})

test('a library kernel that cannot count its units has the field named as in the file', () => {
  const { unitCount: _, ...uncounted } = library
  expect(build({ peercompute: 1, name: 'x', kernel: 'n-queens' }, { ...nothing, library: uncounted })).toMatchObject({
    ok: false,
    issues: [{ path: ['units'], message: expect.stringContaining('"units" is missing') }]
  })
})

test('a specification over 64 KiB is refused', () => {
  const params = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`p${i}`, Array.from({ length: 64 }, () => 1.234567890123456e-7)]))
  expect(build({ ...own, params })).toMatchObject({
    ok: false,
    issues: [{ path: ['params'], message: expect.stringContaining('put data into inputs') }]
  })
})

test('the files of a job are listed once', () => {
  const file = jobFileSchema.parse({ ...own, inputs: [...own.inputs, { name: 'other', file: 'data/table.f32', type: 'u8' }] })
  expect(filesOf(file)).toEqual(['kernel.wgsl', 'kernel.js', 'data/table.f32'])
})

const call = {
  ...own,
  kernel: {
    name: 'mine',
    wasi: {
      file: 'mine.wasm',
      arguments: ['--n', '{params.n}', '/in/table'],
      stdin: { text: 'unit {unit}' },
      outputs: { total: { from: 'stdout', as: 'text' } }
    }
  },
  params: { n: 3 }
}
const withProgram = { blobs: new Map([...blobs, ['mine.wasm', program]]) }

test('a WASI program is called as the file says', () => {
  const file = jobFileSchema.parse(call)
  expect(filesOf(file)).toEqual(['mine.wasm', 'data/table.f32'])
  const { file: _path, ...wasi } = call.kernel.wasi
  expect(build(call, withProgram)).toMatchObject({ ok: true, spec: { kernel: { name: 'mine', abi: 1, wasm: { blob: program, wasi } } } })
  expect(build({ ...call, kernel: { name: 'mine', wasi: { file: 'mine.wasm' } } }, withProgram)).toMatchObject({
    ok: true,
    spec: { kernel: { wasm: { blob: program, wasi: { arguments: [] } } } }
  })
  expect(build(call)).toMatchObject({
    ok: false,
    issues: [{ path: ['kernel', 'wasi', 'file'], message: 'The file mine.wasm is not there' }]
  })
})

test.each([
  [{ arguments: ['{params.m}'] }, ['arguments', 0], 'has "{params.m}", which is no placeholder'],
  [{ env: { MODE: '{mode}' } }, ['env', 'MODE'], 'has "{mode}"'],
  [{ stdin: { text: '{' } }, ['stdin', 'text'], 'has "{"'],
  [{ stdin: { input: 'chart' } }, ['stdin', 'input'], 'names "chart", which is not an input'],
  [{ outputs: { sum: { from: 'file', as: 'text' } } }, ['outputs', 'sum'], 'is not an output of the job']
])('a WASI program is not called with %j', (change, path, words) => {
  const built = build({ ...call, kernel: { name: 'mine', wasi: { ...call.kernel.wasi, ...change } } }, withProgram)
  expect(built).toMatchObject({
    ok: false,
    issues: [{ path: ['kernel', 'wasi', ...path], message: expect.stringContaining(words) as string }]
  })
})

test('two outputs cannot both be standard output', () => {
  const two = { ...call, outputs: [...call.outputs, { name: 'more', type: 'u32', shape: [1] }] }
  const outputs = { total: { from: 'stdout', as: 'text' }, more: { from: 'stdout', as: 'binary' } }
  expect(build({ ...two, kernel: { name: 'mine', wasi: { ...call.kernel.wasi, outputs } } }, withProgram)).toMatchObject({
    ok: false,
    issues: [{ path: ['kernel', 'wasi', 'outputs'], message: expect.stringContaining('more than one') as string }]
  })
})
