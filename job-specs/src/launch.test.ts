import { expect, test } from 'vitest'
import { toHex } from './bytes.ts'
import { KERNEL_GROUP, LAUNCH_BINDING, LAUNCH_BYTES, LAUNCH_GROUP, LAUNCH_WGSL, writeLaunch, type Launch } from './launch.ts'

const launch: Launch = { offset: [1, 2, 3], size: [4, 5, 6], passIndex: 7, passCount: 8, unit: 9, repeat: 10 }

function written(value: Launch): string {
  const view = new DataView(new ArrayBuffer(LAUNCH_BYTES))
  writeLaunch(view, 0, value)
  return toHex(new Uint8Array(view.buffer))
}

test('the launch uniform has these 48 bytes, little-endian', () => {
  expect(written(launch)).toBe(
    '01000000' +
      '02000000' +
      '03000000' +
      '07000000' +
      '04000000' +
      '05000000' +
      '06000000' +
      '08000000' +
      '09000000' +
      '00000000' +
      '0a000000' +
      '01000000'
  )
})

test('a unit past 2^32 is split into a low and a high word', () => {
  expect(written({ ...launch, unit: 2 ** 40 + 0x89abcdef }).slice(64, 80)).toBe('efcdab89' + '00010000')
  expect(written({ ...launch, unit: Number.MAX_SAFE_INTEGER }).slice(64, 80)).toBe('ffffffff' + 'ffff1f00')
})

test('it is written at its offset and nowhere else', () => {
  const view = new DataView(new ArrayBuffer(LAUNCH_BYTES + 32))
  new Uint8Array(view.buffer).fill(0xee)
  writeLaunch(view, 16, launch)
  const bytes = new Uint8Array(view.buffer)
  expect(toHex(bytes.subarray(16, 16 + LAUNCH_BYTES))).toBe(written(launch))
  expect([...bytes.subarray(0, 16), ...bytes.subarray(16 + LAUNCH_BYTES)].every((byte) => byte === 0xee)).toBe(true)
})

test('the WGSL declaration puts each field where its bytes are', () => {
  // WGSL §14.4.1: u32 has size and alignment 4; vec3u has size 12 and alignment 16.
  const offsets = new Map<string, number>()
  let end = 0
  for (const [, name = '', type] of LAUNCH_WGSL.matchAll(/^ {2}(\w+): (vec3u|u32),$/gm)) {
    const [size, align] = type === 'vec3u' ? [12, 16] : [4, 4]
    const offset = Math.ceil(end / align) * align
    offsets.set(name, offset)
    end = offset + size
  }
  expect(Object.fromEntries(offsets)).toEqual({
    offset: 0,
    pass_index: 12,
    size: 16,
    pass_count: 28,
    unit: 32,
    unit_high: 36,
    repeat: 40,
    batch: 44
  })
  expect(end).toBe(LAUNCH_BYTES)
})

test('group, binding and declaration agree, and the kernel has the next group', () => {
  expect(LAUNCH_WGSL).toContain(`@group(${String(LAUNCH_GROUP)}) @binding(${String(LAUNCH_BINDING)}) var<uniform> launch: Launch;`)
  expect([LAUNCH_GROUP, LAUNCH_BINDING, KERNEL_GROUP]).toEqual([0, 0, 1])
})
