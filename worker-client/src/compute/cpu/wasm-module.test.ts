import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wasmBytes } from '../test-support/wasm-bytes.ts'
import { wasmKernel } from '../test-support/wasm-kernel.ts'
import { memoryPages, wasmFacts, withMemoryMaximum, type WasmFacts } from './wasm-module.ts'

const tool = new Uint8Array(readFileSync(join(import.meta.dirname, '../test-support/wasi-tool.wasm')))
const library = join(import.meta.dirname, '../../../../kernels')

function read(bytes: Uint8Array): WasmFacts {
  const facts = wasmFacts(bytes)
  if (typeof facts === 'string') throw new Error(facts)
  return facts
}

describe('wasmFacts', () => {
  it('reads the memory that a compiled kernel imports', () => {
    expect(read(wasmKernel())).toEqual({
      imports: [{ name: 'env.memory', kind: 'memory' }],
      memory: { minPages: 1, maxPages: null, section: null }
    })
  })

  it('reads a C program with a memory of its own', () => {
    const { imports, memory } = read(tool)
    expect(imports.every(({ name, kind }) => kind === 'function' && name.startsWith('wasi_snapshot_preview1.'))).toBe(true)
    expect(memory).toMatchObject({ minPages: 2, maxPages: null })
    expect(tool[memory?.section?.from ?? 0]).toBe(5)
  })

  it('reads a declared maximum of more than one byte', () => {
    expect(read(wasmBytes({ imports: [['env.memory', [1, 2, 0x80, 0x02]]] })).memory).toMatchObject({ minPages: 2, maxPages: 256 })
  })

  it('knows every instruction of the kernels of the library', () => {
    const modules = readdirSync(library, { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.endsWith('.wasm') && !path.includes('node_modules')
    )
    expect(modules.length).toBeGreaterThan(2)
    for (const path of modules) expect(wasmFacts(new Uint8Array(readFileSync(join(library, path)))), path).toBeTypeOf('object')
  })

  const vector = (...opcode: number[]) => [0xfd, 12, ...new Array<number>(16).fill(0), 0xfd, ...opcode]
  it.each<[string, Uint8Array, string]>([
    ['what is no module', new TextEncoder().encode('#!/bin/sh'), 'no WebAssembly module'],
    ['shared memory', wasmBytes({ imports: [['env.memory', [3, 1, 2]]] }), 'shared or 64-bit'],
    ['64-bit memory', wasmBytes({ memories: [[4, 1]] }), 'shared or 64-bit'],
    [
      'two memories',
      wasmBytes({
        memories: [
          [0, 1],
          [0, 1]
        ]
      }),
      'more than one memory'
    ],
    ['an atomic instruction', wasmBytes({ memories: [[0, 1]], functions: [[0x41, 0, 0xfe, 0x10, 2, 0, 0x1a]] }), 'threads are not given'],
    ['relaxed SIMD', wasmBytes({ functions: [[...vector(0x85, 0x02)]] }), 'relaxed SIMD'],
    ['relaxed SIMD, its number written long', wasmBytes({ functions: [[...vector(0x85, 0x82, 0x80, 0x00)]] }), 'relaxed SIMD'],
    ['objects of garbage collection', wasmBytes({ functions: [[0xfb, 0x00, 0x00]] }), '0xfb'],
    ['an unknown instruction', wasmBytes({ functions: [[0x27]] }), '0x27'],
    ['a cut-off module', tool.subarray(0, 20_000), 'ends in the middle']
  ])('refuses %s', (_, bytes, words) => {
    expect(wasmFacts(bytes)).toContain(words)
  })

  it.each<[string, number[]]>([
    ['SIMD', [...vector(0x62), 0x1a]],
    ['bytes of a constant that look like atomics', [0x44, 0xfe, 0xfe, 0xfd, 0x85, 0x02, 0, 0, 0xfe, 0x1a]],
    ['a branch table', [0x41, 0, 0x0e, 1, 0, 0]],
    ['bulk memory', [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 11, 0]],
    ['a tail call', [0x12, 0]],
    ['an exception table', [0x1f, 0x40, 1, 2, 0, 0x0b]]
  ])('allows %s', (_, code) => {
    const bytes = wasmBytes({ memories: [[0, 1]], functions: [code] })
    expect(wasmFacts(bytes)).toBeTypeOf('object')
    expect(WebAssembly.validate(bytes)).toBe(true)
  })

  it('answers any bytes, at once', () => {
    const spoiled = fc
      .tuple(fc.constantFrom(tool, wasmKernel()), fc.array(fc.tuple(fc.nat(40_000), fc.nat(255)), { minLength: 1, maxLength: 8 }))
      .map(([bytes, changes]) => {
        const copy = bytes.slice()
        for (const [at, value] of changes) copy[8 + (at % (copy.length - 8))] = value
        return copy
      })
    const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...bytes]))
    const code = fc.array(fc.nat(255), { maxLength: 200 }).map((bytes) => wasmBytes({ functions: [bytes] }))
    fc.assert(
      fc.property(fc.oneof(spoiled, noise, code), (bytes) => {
        const begun = performance.now()
        const facts = wasmFacts(bytes)
        expect(performance.now() - begun).toBeLessThan(1_000)
        // whatever the engine takes and we read must be what the engine sees
        if (typeof facts === 'object' && WebAssembly.validate(bytes)) {
          const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes))
          expect(facts.imports).toEqual(imports.map(({ module, name, kind }) => ({ name: `${module}.${name}`, kind })))
        }
      }),
      { numRuns: 2_000 }
    )
  })
})

describe('a maximum for the memory', () => {
  it('is the least of what is allowed and what is declared', () => {
    expect(memoryPages({ minPages: 1, maxPages: null }, 1_000_000)).toBe(15)
    expect(memoryPages({ minPages: 1, maxPages: 4 }, 1_000_000)).toBe(4)
    expect(memoryPages({ minPages: 1, maxPages: 65_537 }, 2 ** 33)).toBe(65_536)
    expect(memoryPages({ minPages: 16, maxPages: null }, 1_000_000)).toBe(
      'The module needs 16 pages of 64 KiB, limits.memoryBytes allows 15'
    )
  })

  it.each([[[0, 1]], [[1, 1, 0xff, 0x01]]])('holds inside the module, declared as %j', (limits) => {
    // memory.grow by one page, dropped; the page after the last is not given
    const bytes = wasmBytes({
      memories: [limits],
      functions: [[0x41, 1, 0x40, 0, 0x1a]],
      exports: [
        ['grow', 'function', 0],
        ['memory', 'memory', 0]
      ]
    })
    const bounded = withMemoryMaximum(bytes, read(bytes), 3)
    const { grow, memory } = new WebAssembly.Instance(new WebAssembly.Module(bounded)).exports as {
      grow: () => void
      memory: WebAssembly.Memory
    }
    for (let times = 0; times < 5; times++) grow()
    expect(memory.buffer.byteLength).toBe(3 * 65_536)
    expect(read(bounded).memory).toMatchObject({ minPages: 1, maxPages: 3 })
  })
})
