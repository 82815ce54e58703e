import { describe, expect, it } from 'vitest'
import { preparedJob, type TestJob } from '../../test-support/prepared-job.ts'
import { checkWgsl, whyNoWgslCheck, type WgslVerdict } from './check-uploads.ts'

const HEAD = '@group(1) @binding(0) var<storage, read_write> value: array<u32>;\n'

function check(wgsl: string, changes: Partial<TestJob> = {}, deadlineMs?: number): Promise<WgslVerdict> {
  return checkWgsl(preparedJob({ wgsl, ...changes }).spec, new TextEncoder().encode(wgsl), deadlineMs)
}

describe('checkWgsl', () => {
  it('is possible here', () => {
    expect(whyNoWgslCheck()).toBeNull()
  })

  it('lets a kernel pass that fits its job, inputs included, whatever features it has', async () => {
    const wgsl = `enable f16, subgroups;\n${HEAD}@group(1) @binding(1) var<storage, read> data: array<f32>;
      @compute @workgroup_size(32) fn main() { for (var n = 0u; n < u32(data[0]); n++) { value[0] += subgroupAdd(u32(f16(1))); } }`
    expect(await check(wgsl, { inputs: [{ name: 'data', type: 'f32', bytes: new Uint8Array(8) }] })).toEqual({ kind: 'fits' })
  })

  it.each<[string, string, string, RegExp]>([
    ['the compiler', 'value[0] = missing;', 'KERNEL_COMPILE', /^line 3:14: unresolved value 'missing'$/],
    ['the guard', 'peercompute_begin();', 'KERNEL_COMPILE', /^line 3:3: Names that begin with peercompute_/],
    ['the job', '_ = other;', 'KERNEL_BINDING', /other/]
  ])('says what %s has against a kernel, with its place', async (who, body, code, words) => {
    const other = who === 'the job' ? '@group(1) @binding(3) var<uniform> other: u32;\n' : '\n'
    const wgsl = `${HEAD}${other.trim() === '' ? '' : other}@compute @workgroup_size(1) fn main() {\n  ${body}\n}`
    expect(await check(wgsl)).toMatchObject({ kind: 'unfit', code, message: expect.stringMatching(words) })
  })

  it('makes the pipeline of each pass', async () => {
    const wgsl = `${HEAD}@compute @workgroup_size(1024, 64) fn main() { value[0] = 1u; }`
    expect(await check(wgsl)).toMatchObject({ kind: 'unfit', message: expect.stringMatching(/entry point "main"|workgroup/) })
  })

  it('ends a compiler that comes to no end', async () => {
    expect(await check(`${HEAD}@compute @workgroup_size(1) fn main() {}`, {}, 1)).toMatchObject({
      kind: 'unfit',
      message: expect.stringContaining('no end within 0.001 s')
    })
  })
})
