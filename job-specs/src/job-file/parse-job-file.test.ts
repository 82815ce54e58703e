import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JOB_FILE_MAX_BYTES, parseJobFile } from './index.ts'

/** A good file, one field a line, so that a test may replace or drop a line by its field. */
const good: Readonly<Record<string, string>> = {
  peercompute: 'peercompute: 1',
  name: 'name: my-job',
  kernel: 'kernel: { name: mine, js: kernel.js }',
  units: 'units: 10',
  outputs: 'outputs: [{ name: total, type: u32, shape: [4] }]'
}

function fileWith(changes: Readonly<Record<string, string>>): string {
  return Object.values({ ...good, ...changes })
    .filter((line) => line !== '')
    .join('\n')
}

function problemsOf(text: string) {
  const parsed = parseJobFile(text)
  return parsed.ok ? [] : parsed.problems
}

test('the smallest good file is accepted', () => {
  expect(problemsOf(fileWith({}))).toEqual([])
})

test('a file that names a library kernel needs nothing else', () => {
  const parsed = parseJobFile('peercompute: 1\nname: queens\nkernel: n-queens\nparams: { n: 12 }')
  expect(parsed).toMatchObject({ ok: true, file: { kernel: 'n-queens', params: { n: 12 } } })
})

test('JSON is accepted too', () => {
  expect(problemsOf('{\n\t"peercompute": 1,\n\t"name": "queens",\n\t"kernel": "n-queens"\n}')).toEqual([])
})

/** What is wrong · the file · line:column · field · a part of the sentence. */
const malformed: readonly (readonly [string, string, string, string, string])[] = [
  ['an empty file', '', '1:1', '', 'is empty'],
  ['only a comment', '# nothing', '1:1', '', 'is empty'],
  ['a list', '- 1\n- 2', '1:1', '', 'The job file must be a group of fields, but is a list'],
  ['a text', 'hello', '1:1', '', 'must be a group of fields, but is "hello"'],
  ['two documents', `${fileWith({})}\n---\nname: other`, '1:1', '', 'more than one YAML document'],
  ['an open bracket', fileWith({ outputs: 'outputs: [' }), '5:11', '', 'not valid YAML'],
  ['a tab as indentation', 'name: x\nkernel:\n\tjs: a.js', '3:1', '', 'not valid YAML'],
  ['the same field twice', fileWith({ units: 'units: 10\nunits: 11' }), '5:1', '', 'Map keys must be unique'],
  ['a tag of another program', fileWith({ units: 'units: !!python/object 1' }), '4:8', '', 'not valid YAML'],
  ['an alias to nothing', fileWith({ units: 'units: *ten' }), '4:8', '', 'not valid YAML'],
  ['no version', fileWith({ peercompute: '' }), '1:1', 'peercompute', 'is missing: it must be 1'],
  ['a later version', fileWith({ peercompute: 'peercompute: 2' }), '1:14', 'peercompute', 'must be 1, but is 2'],
  ['no name', fileWith({ name: '' }), '1:1', 'name', '"name" is missing: a text is wanted'],
  ['a number as name', fileWith({ name: 'name: 12' }), '2:7', 'name', 'must be a text, but is 12'],
  ['an empty name', fileWith({ name: 'name:' }), '2:6', 'name', 'must be a text, but is empty'],
  ['capitals in the name', fileWith({ name: 'name: My Job' }), '2:7', 'name', 'lower-case letters, digits and -'],
  ['an unknown field', fileWith({ units: 'untis: 10' }), '4:1', 'untis', 'Unknown field "untis"; did you mean "units"?'],
  ['the field of the specification', fileWith({ units: 'unitCount: 10' }), '4:1', 'unitCount', 'did you mean "units"?'],
  ['a field unlike any', fileWith({ x: 'zzz: 1' }), '6:1', 'zzz', 'Unknown field "zzz"; known are peercompute, name'],
  ['__proto__ as a field', fileWith({ x: '__proto__: { units: 1 }' }), '6:1', '__proto__', 'Unknown field "__proto__"'],
  ['no kernel', fileWith({ kernel: '' }), '1:1', 'kernel', '"kernel" is missing: a text or a group of fields is wanted'],
  ['a number as kernel', fileWith({ kernel: 'kernel: 5' }), '3:9', 'kernel', 'must be a text or a group of fields, but is 5'],
  [
    'a kernel without a program',
    fileWith({ kernel: 'kernel: { name: mine }' }),
    '3:9',
    'kernel',
    'must carry a program: wgsl, js, wasm or wasi'
  ],
  ['a kernel without a name', fileWith({ kernel: 'kernel: { js: a.js }' }), '3:1', 'kernel.name', '"kernel.name" is missing'],
  [
    'an unknown field of the kernel',
    fileWith({ kernel: 'kernel: { name: mine, jss: a.js }' }),
    '3:23',
    'kernel.jss',
    'Unknown field "jss" in "kernel"; did you mean "js"?'
  ],
  [
    'wgsl as a mere path',
    fileWith({ kernel: 'kernel: { name: mine, wgsl: a.wgsl }' }),
    '3:29',
    'kernel.wgsl',
    'must be a group of fields, but is "a.wgsl"'
  ],
  [
    'wgsl without passes',
    fileWith({ kernel: 'kernel: { name: mine, wgsl: { file: a.wgsl } }' }),
    '3:23',
    'kernel.wgsl.passes',
    'is missing: a list is wanted'
  ],
  [
    'wgsl with no pass',
    fileWith({ kernel: 'kernel: { name: mine, wgsl: { file: a.wgsl, passes: [] } }' }),
    '3:53',
    'kernel.wgsl.passes',
    'must have at least 1 entries, but has 0'
  ],
  [
    'a grid of four dimensions',
    fileWith({ kernel: 'kernel: { name: mine, wgsl: { file: a, passes: [{ entry: main, grid: [1, 1, 1, 1] }] } }' }),
    '3:70',
    'kernel.wgsl.passes[0].grid',
    'at most 3 entries, but has 4'
  ],
  [
    'a program outside the folder',
    fileWith({ kernel: 'kernel: { name: mine, js: ../a.js }' }),
    '3:27',
    'kernel.js',
    'must be a relative path inside the folder'
  ],
  [
    'an absolute program',
    fileWith({ kernel: 'kernel: { name: mine, js: /etc/passwd }' }),
    '3:27',
    'kernel.js',
    'must be a relative path inside the folder'
  ],
  [
    'a program from the web',
    fileWith({ kernel: 'kernel: { name: mine, js: "https://x.org/a.js" }' }),
    '3:27',
    'kernel.js',
    'must be a relative path inside the folder'
  ],
  ['zero units', fileWith({ units: 'units: 0' }), '4:8', 'units', 'must be at least 1, but is 0'],
  ['too many units', fileWith({ units: 'units: 1e13' }), '4:8', 'units', 'must be at most 1000000000000'],
  ['half a unit', fileWith({ units: 'units: 1.5' }), '4:8', 'units', 'must be a whole number, but is 1.5'],
  ['units as a text', fileWith({ units: 'units: many' }), '4:8', 'units', 'must be a number, but is "many"'],
  ['units with an underscore', fileWith({ units: 'units: 1_000' }), '4:8', 'units', 'write the number without quotes and without _'],
  ['no units for an own kernel', fileWith({ units: '' }), '1:1', 'units', 'is missing: a job with its own kernel must say it'],
  ['no outputs for an own kernel', fileWith({ outputs: '' }), '1:1', 'outputs', 'is missing: a job with its own kernel must say it'],
  ['no output in the list', fileWith({ outputs: 'outputs: []' }), '5:10', 'outputs', 'must have at least 1 entries'],
  [
    'an unknown element type',
    fileWith({ outputs: 'outputs: [{ name: a, type: u23, shape: [1] }]' }),
    '5:28',
    'outputs[0].type',
    'but is "u23"; did you mean "u32"?'
  ],
  [
    'a shape of zero',
    fileWith({ outputs: 'outputs: [{ name: a, type: u32, shape: [0] }]' }),
    '5:41',
    'outputs[0].shape[0]',
    'must be at least 1, but is 0'
  ],
  [
    'a shape that is a number',
    fileWith({ outputs: 'outputs: [{ name: a, type: u32, shape: 4 }]' }),
    '5:40',
    'outputs[0].shape',
    'must be a list, but is 4'
  ],
  [
    'an output name with a hyphen',
    fileWith({ outputs: 'outputs: [{ name: a-b, type: u32, shape: [4] }]' }),
    '5:19',
    'outputs[0].name',
    'must start with a lower-case letter'
  ],
  ['a parameter that is a text', fileWith({ x: 'params:\n  n: twelve' }), '7:6', 'params.n', 'must be a number or a list, but is "twelve"'],
  ['a parameter that is not finite', fileWith({ x: 'params:\n  n: .nan' }), '7:6', 'params.n', 'must be a number or a list'],
  ['a text among numbers', fileWith({ x: 'params:\n  n: [1, two]' }), '7:10', 'params.n[1]', 'must be a number, but is "two"'],
  ['a parameter with a bad name', fileWith({ x: 'params:\n  N-x: 1' }), '7:3', 'params.N-x', 'is not a usable name'],
  [
    'an input without a file',
    fileWith({ x: 'inputs: [{ name: a, type: f32 }]' }),
    '6:10',
    'inputs[0].file',
    'is missing: a text is wanted'
  ],
  [
    'nine inputs',
    fileWith({ x: `inputs: [${Array.from({ length: 9 }, (_, i) => `{ name: a${i}, file: a, type: f32 }`).join(', ')}]` }),
    '6:9',
    'inputs',
    'must have at most 8 entries, but has 9'
  ],
  ['a quorum of nine', fileWith({ x: 'verification: { quorum: 9 }' }), '6:25', 'verification.quorum', 'must be at most 8, but is 9'],
  [
    'a misspelt independence',
    fileWith({ x: 'verification: { independence: hots }' }),
    '6:31',
    'verification.independence',
    'must be one of "executor", "host", "owner", "subnet", but is "hots"; did you mean "host"?'
  ],
  [
    'an unknown comparator',
    fileWith({ x: 'verification: { comparator: { kind: tolerant } }' }),
    '6:37',
    'verification.comparator.kind',
    'did you mean "tolerance"?'
  ],
  [
    'a comparator without a kind',
    fileWith({ x: 'verification: { comparator: {} }' }),
    '6:17',
    'verification.comparator.kind',
    'is missing: one of "exact", "tolerance", "ulp", "statistical", "custom" is wanted'
  ],
  [
    'a tolerance without a bound',
    fileWith({ x: 'verification: { comparator: { kind: tolerance, absolute: 1 } }' }),
    '6:17',
    'verification.comparator.relative',
    'is missing: a number is wanted'
  ],
  [
    'a misspelt field of the verification',
    fileWith({ x: 'verification:\n  quorem: 2' }),
    '7:3',
    'verification.quorem',
    'Unknown field "quorem" in "verification"; did you mean "quorum"?'
  ],
  [
    'an unknown reducer',
    fileWith({ x: 'reduce: { kind: mean, output: total }' }),
    '6:17',
    'reduce.kind',
    'must be one of "none", "sum", "argmin", but is "mean"'
  ],
  ['a reducer without an output', fileWith({ x: 'reduce: { kind: sum }' }), '6:1', 'reduce.output', 'is missing: a text is wanted'],
  ['an unknown view', fileWith({ x: 'view: { kind: imgae, output: total }' }), '6:15', 'view.kind', 'did you mean "image"?'],
  ['a limit that is unknown', fileWith({ x: 'limits: { unitSecond: 1 }' }), '6:11', 'limits.unitSecond', 'did you mean "unitSeconds"?'],
  ['a negative limit', fileWith({ x: 'limits: { unitSeconds: -1 }' }), '6:24', 'limits.unitSeconds', 'must be at least 0.1, but is -1'],
  ['too long a title', fileWith({ x: `title: ${'a'.repeat(201)}` }), '6:8', 'title', 'must have at most 200 characters, but has 201'],
  ['revision zero', fileWith({ x: 'revision: 0' }), '6:11', 'revision', 'must be at least 1, but is 0'],
  ['no operations', fileWith({ x: 'unitOperations: 0' }), '6:17', 'unitOperations', 'must be at least 1, but is 0']
]

describe('a malformed file names the field, the place and the remedy', () => {
  test.each(malformed)('%s', (_, text, place, path, sentence) => {
    const problems = problemsOf(text)
    expect(
      problems.map((problem) => ({ place: `${problem.line}:${problem.column}`, path: problem.path, message: problem.message }))
    ).toContainEqual({
      place,
      path,
      message: expect.stringContaining(sentence)
    })
  })
})

test('several mistakes are all named, in the order of the file', () => {
  const problems = problemsOf(fileWith({ name: 'name: 1', units: 'units: 0', x: 'vew: {}' }))
  expect(problems.map((problem) => problem.path)).toEqual(['name', 'units', 'vew'])
})

test('a file that is too large is refused before it is read', () => {
  expect(problemsOf(`# ${'x'.repeat(JOB_FILE_MAX_BYTES)}`)[0]?.message).toContain('bytes, more than 131072')
})

test('an alias bomb is refused', () => {
  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x]',
    ...'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[i] ?? 'a'}`).join(', ')}]`)
  ].join('\n')
  expect(problemsOf(bomb)[0]?.message).toContain('not valid YAML')
})

test('nesting deeper than the stack is refused', () => {
  expect(problemsOf('['.repeat(60_000))[0]?.message).toContain('not valid YAML')
})

test('no text makes it throw, and every problem has a place', () => {
  const seed = Date.now() % 2 ** 31
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.constantFrom(...malformed.map(([, text]) => text)).chain((text) => fc.nat(text.length).map((cut) => text.slice(0, cut)))
      ),
      (text) => {
        for (const problem of problemsOf(text)) {
          expect(problem.line).toBeGreaterThanOrEqual(1)
          expect(problem.column).toBeGreaterThanOrEqual(1)
          expect(problem.message).not.toBe('')
        }
      }
    ),
    { seed, numRuns: 300 }
  )
  console.info(`seed ${seed}`)
})
