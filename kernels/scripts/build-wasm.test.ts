import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { kernelFile } from '../src/files.ts'
import { kernelNames } from '../src/registry.ts'
import { buildWasm } from './build-wasm.ts'

describe('buildWasm()', () => {
  it.each(kernelNames)(
    'makes of kernel.as.ts of %s the committed bytes: otherwise run node kernels/scripts/build-wasm.ts',
    async (name) => {
      expect(Buffer.compare(await buildWasm(name), await readFile(kernelFile(name, 'kernel.wasm')))).toBe(0)
    }
  )
})
