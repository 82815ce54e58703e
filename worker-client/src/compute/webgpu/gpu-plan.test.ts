import { describe, expect, it } from 'vitest'
import { preparedJob, type TestJob } from '../test-support/prepared-job.ts'
import { gpuTask } from './gpu-plan.ts'
import type { GpuTask } from './gpu-task.ts'
import { moduleWithHead } from './module-head.ts'
import { workgroupSize } from './workgroup-size.ts'

const WGSL = `
struct Params { scale: f32, offset: vec3f, table: array<vec4u, 2> }
@group(1) @binding(0) var<uniform> params: Params;
@group(1) @binding(1) var<storage, read> data: array<f32>;
@group(1) @binding(2) var<storage, read_write> value: array<atomic<u32>>;
@group(1) @binding(5) var<storage, read_write> scratch: array<vec2f, 10>;
@compute @workgroup_size(8, 4) fn main() {}
`
const JOB: TestJob = {
  wgsl: WGSL,
  params: { scale: 2, offset: [1, 2, 3], table: [1, 2, 3, 4, 5, 6, 7, 8], unused: 1 },
  inputs: [{ name: 'data', type: 'f32', bytes: new Uint8Array(12) }],
  outputs: [{ name: 'value', type: 'u32', shape: [3] }],
  passes: [{ entry: 'main', grid: [17, 4, 3], repeat: 2 }]
}
function plan(changes: Partial<TestJob>): GpuTask {
  const task = gpuTask(preparedJob({ ...JOB, ...changes }))
  if ('reason' in task) throw new Error(task.message)
  return task
}

describe('gpuTask', () => {
  it('lays out parameters, buffers and passes by name', () => {
    const task = plan({})
    expect(task.problem).toBeNull()
    expect(task.buffers.map(({ binding, access, bytes }) => [binding, access, bytes])).toEqual([
      [0, 'uniform', 64],
      [1, 'read-only-storage', 12],
      [2, 'storage', 12],
      [5, 'storage', 80]
    ])
    const params = task.buffers[0]?.data?.buffer ?? new ArrayBuffer(0)
    expect([...new Float32Array(params, 0, 1), ...new Float32Array(params, 16, 3), ...new Uint32Array(params, 32, 8)]).toEqual([
      2, 1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8
    ])
    expect(task.passes).toEqual([{ entry: 'main', grid: [17, 4, 3], groups: [3, 1, 3], workgroup: [8, 4, 1], repeat: 2 }])
    expect(task.outputs.map((output) => output.binding)).toEqual([2])
  })

  it.each<[string, Partial<TestJob>, string]>([
    ['a parameter that is not there', { params: { scale: 2, offset: [1, 2, 3] } }, 'params.table is not among'],
    ['a vector of another length', { params: { ...JOB.params, offset: [1, 2] } }, 'params.offset has 2 numbers, the kernel wants 3'],
    ['a fraction for an integer', { params: { ...JOB.params, table: [1.5, 2, 3, 4, 5, 6, 7, 8] } }, 'params.table does not fit'],
    ['an output that the kernel lacks', { outputs: [{ name: 'other', type: 'u32', shape: [1] }] }, 'buffer "value" needs a size'],
    ['an output of another type', { outputs: [{ name: 'value', type: 'f32', shape: [3] }] }, '"value" is f32 in the job and u32'],
    ['an output of doubles', { outputs: [{ name: 'value', type: 'f64', shape: [3] }] }, 'WGSL has no f64'],
    [
      'an output that is read only',
      { wgsl: WGSL.replace('read_write> value: array<atomic<u32>>', 'read> value: array<u32>') },
      'must be declared var<storage, read_write>'
    ],
    ['an input that is written', { wgsl: WGSL.replace('read> data', 'read_write> data') }, 'must be declared var<storage, read>'],
    [
      'an input of another size',
      { wgsl: WGSL.replace('data: array<f32>', 'data: array<f32, 4>') },
      '"data" has 12 bytes in the job and 16'
    ],
    [
      'an input that the kernel lacks',
      { wgsl: WGSL.replaceAll('> data', '> date').replace('date: array<f32>', 'date: array<f32, 2>') },
      'The input "data" is no storage variable'
    ],
    ['a variable in a group of nobody', { wgsl: WGSL.replace('@group(1) @binding(5)', '@group(2) @binding(5)') }, 'group 2'],
    ['a texture', { wgsl: `${WGSL}@group(1) @binding(9) var picture: texture_2d<f32>;` }, 'only buffers'],
    ['another uniform', { wgsl: `${WGSL}@group(1) @binding(9) var<uniform> more: vec4f;` }, 'only "params"'],
    ['no such entry point', { passes: [{ entry: 'other', grid: [1, 1, 1], repeat: 1 }] }, 'no entry point "other"']
  ])('says what does not fit: %s', (_, changes, words) => {
    expect(plan(changes).problem).toContain(words)
  })
})

describe('workgroupSize', () => {
  it('reads literals, constants and defaults', () => {
    const code = 'const WG: u32 = 0x20u;\n@workgroup_size(WG, 2,) @compute fn a() {}\n@compute @workgroup_size(64) fn b() {}\nfn c() {}'
    expect(workgroupSize(code, 'a')).toEqual([32, 2, 1])
    expect(workgroupSize(code, 'b')).toEqual([64, 1, 1])
    expect(workgroupSize(code, 'c')).toContain('no @workgroup_size')
    expect(workgroupSize('@compute @workgroup_size(N) fn a() {}', 'a')).toContain('must be made of integers')
  })
})

describe('moduleWithHead', () => {
  it('moves directives to the front and keeps the lines of the rest', () => {
    const { code, headLines } = moduleWithHead('// enable f32;\nenable f16;\nrequires a;\nfn f() {}')
    expect(code.split('\n')[0]).toBe('enable f16; requires a; ')
    expect(code.split('\n')[headLines + 3]).toBe('fn f() {}')
    expect(code.split('\n')[headLines + 1]?.trim()).toBe('')
  })
})
