import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { kernelExports } from '../testing/run-wasm.ts'
import { kernelFile } from './files.ts'
import { kernelNames } from './registry.ts'

describe.each(kernelNames)('the programs of %s', (name) => {
  it('JavaScript: one default export at the start of a line, no imports, no clock, no randomness', async () => {
    const source = await readFile(kernelFile(name, 'kernel.js'), 'utf8')
    expect(source.match(/^export /gm)).toHaveLength(1)
    expect(source).toMatch(/^export default function compute\(/m)
    expect(source).not.toMatch(/\bimport\b|\brequire\b|\bDate\b|Math\.random|performance|fetch|\bself\b|globalThis/)
  })

  it('WGSL: nothing of its own in group 0, and every loop bounded', async () => {
    const source = await readFile(kernelFile(name, 'kernel.wgsl'), 'utf8')
    expect(source).not.toContain('@group(0)')
    expect(source).toContain('@group(1) @binding(0) var<uniform> params: Params;')
    expect(source).not.toMatch(/\bwhile\b|\bloop\b/)
  })

  it('WASM: imports the memory alone, works with any that has a maximum, and exports alloc and compute', async () => {
    const module = await WebAssembly.compile(await readFile(kernelFile(name, 'kernel.wasm')))
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }])
    expect(
      WebAssembly.Module.exports(module)
        .map(({ name: exported }) => exported)
        .sort()
    ).toEqual(['alloc', 'compute'])
    for (const [initial, maximum] of [
      [1, 1],
      [16, 65_536]
    ] as const) {
      await expect(
        WebAssembly.instantiate(module, { env: { memory: new WebAssembly.Memory({ initial, maximum }) } })
      ).resolves.toBeInstanceOf(WebAssembly.Instance)
    }
    await expect(WebAssembly.instantiate(module, { env: { memory: new WebAssembly.Memory({ initial: 1 }) } })).rejects.toThrow('maximum')
  })

  it('WASM: alloc gives aligned, separate pieces of a growing memory, and 0 at its maximum', async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 3 })
    const { instance } = await WebAssembly.instantiate(await readFile(kernelFile(name, 'kernel.wasm')), { env: { memory } })
    const { alloc } = kernelExports(instance)
    const [first, second, large] = [alloc(100), alloc(8), alloc(100_000)]
    expect([first % 16, second % 16, large % 16]).toEqual([0, 0, 0])
    expect(first).toBeGreaterThan(0)
    expect(second).toBeGreaterThanOrEqual(first + 100)
    expect(large).toBeGreaterThanOrEqual(second + 8)
    expect(memory.buffer.byteLength).toBeGreaterThanOrEqual(large + 100_000)
    expect([alloc(100_000), alloc(0x7fff_ffff), alloc(-1)]).toEqual([0, 0, 0])
    expect(alloc(8)).toBeGreaterThanOrEqual(large + 100_000)
  })
})
