import { describe, expect, it } from 'vitest'
import { wasmKernel } from '../test-support/wasm-kernel.ts'
import { wasmMemoryImport } from './wasm-module.ts'

const HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
function memoryImport(...limits: number[]): Uint8Array {
  const entry = [1, 3, ...Buffer.from('env'), 6, ...Buffer.from('memory'), 2, ...limits]
  return Uint8Array.from([...HEAD, 2, entry.length, ...entry])
}

describe('wasmMemoryImport', () => {
  it('reads the memory that a compiled kernel imports', () => {
    expect(wasmMemoryImport(wasmKernel())).toEqual({ minPages: 1, maxPages: null })
  })
  it('reads a declared maximum of more than one byte', () => {
    expect(wasmMemoryImport(memoryImport(1, 2, 0x80, 0x02))).toEqual({ minPages: 2, maxPages: 256 })
  })
  it.each([
    ['a memory of its own', Uint8Array.from([...HEAD, 5, 3, 1, 0, 1]), 'defines its own memory'],
    ['no memory', Uint8Array.from(HEAD), 'does not import'],
    ['shared memory', memoryImport(3, 1, 2), 'shared'],
    ['a function import', Uint8Array.from([...HEAD, 2, 7, 1, 1, 0x61, 1, 0x62, 0, 0]), 'imports "a.b"']
  ])('refuses %s', (_, bytes, words) => {
    expect(wasmMemoryImport(bytes)).toContain(words)
  })
})
