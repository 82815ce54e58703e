import { blobRef, utf8, type KernelRef } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { hashKernels } from '../scripts/hash-kernels.ts'
import { isKnownKernel } from './known-kernels.ts'
import { LIBRARY } from './library.ts'
import { kernelNames, registry } from './registry.ts'
import { specFor } from './spec.ts'

const foreign = { blob: blobRef(utf8('export default () => ({})')) }
const queens = specFor(registry['n-queens'], {}, LIBRARY['n-queens']).kernel
const { wgsl, js, ...bare } = queens

describe('LIBRARY', () => {
  it('is what the files say: otherwise run node kernels/scripts/hash-kernels.ts', async () => {
    expect(LIBRARY).toEqual(await hashKernels())
  })
})

describe('isKnownKernel()', () => {
  it.each(kernelNames)('knows %s, whole and in parts', (name) => {
    const kernel = specFor(registry[name], {}, LIBRARY[name]).kernel
    expect(isKnownKernel(kernel)).toBe(true)
    expect(isKnownKernel({ name, abi: 1, wasm: { blob: LIBRARY[name].wasm } })).toBe(true)
  })

  it('goes by the bytes, not by the name', () => {
    expect(isKnownKernel({ ...queens, name: 'something-else' })).toBe(true)
    expect(isKnownKernel({ name: 'n-queens', abi: 1, js: foreign })).toBe(false)
  })

  it('refuses one foreign program beside known ones, whichever it is', () => {
    const mixed: KernelRef[] = [
      { ...queens, js: foreign },
      { ...queens, wasm: foreign },
      ...(wgsl ? [{ ...queens, wgsl: { ...wgsl, ...foreign } }] : [])
    ]
    expect(mixed.map(isKnownKernel)).toEqual([false, false, false])
  })

  it('refuses a known program in the place of another, and two kernels mixed', () => {
    expect(isKnownKernel({ name: 'n-queens', abi: 1, wasm: { blob: LIBRARY['n-queens'].js } })).toBe(false)
    expect(isKnownKernel({ ...bare, ...(js ? { js } : {}), wasm: { blob: LIBRARY.mandelbrot.wasm } })).toBe(false)
  })

  it('refuses a kernel without any program', () => {
    expect(isKnownKernel({ name: 'n-queens', abi: 1 })).toBe(false)
  })
})
