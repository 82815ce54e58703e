/** Builds `kernels/<name>/kernel.wasm` from `kernel.as.ts`: `node kernels/scripts/build-wasm.ts [name …]`. The bytes are reproducible. */
import { readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import asc from 'assemblyscript/asc'
import { kernelFile } from '../src/files.ts'
import { kernelNames, type KernelName } from '../src/registry.ts'

const OPTIONS = [
  '--optimizeLevel',
  '3',
  '--shrinkLevel',
  '0',
  '--noAssert',
  // No collector and no start-up code: allocate.as.ts hands out memory and nothing is freed.
  '--runtime',
  'stub',
  '--use',
  'abort=',
  '--importMemory',
  '--noExportMemory',
  '--initialMemory',
  '1',
  '--maximumMemory',
  '65536'
]

/** Compiles one kernel. Throws with the compiler's messages when it does not compile. */
export async function buildWasm(name: KernelName): Promise<Uint8Array> {
  const sources = new Map([
    ['kernel.as.ts', await readFile(kernelFile(name, 'kernel.as.ts'), 'utf8')],
    ['allocate.as.ts', await readFile(new URL('../src/allocate.as.ts', import.meta.url), 'utf8')]
  ])
  const binaries: Uint8Array[] = []
  const messages: string[] = []
  const { error } = await asc.main(['kernel.as.ts', '--outFile', 'kernel.wasm', ...OPTIONS], {
    readFile: (path) => sources.get(basename(path)) ?? null,
    writeFile: (_path, contents) => {
      if (typeof contents !== 'string') binaries.push(contents)
    },
    listFiles: () => [],
    stderr: {
      write: (text) => {
        messages.push(String(text))
      }
    }
  })
  const [binary] = binaries
  if (error !== null || binary === undefined) throw new Error(`Cannot build ${name}: ${messages.join('')}`, { cause: error })
  return binary
}

if (import.meta.main) {
  const chosen = process.argv.slice(2)
  for (const name of kernelNames.filter((candidate) => chosen.length === 0 || chosen.includes(candidate))) {
    const binary = await buildWasm(name)
    await writeFile(kernelFile(name, 'kernel.wasm'), binary)
    process.stdout.write(`${name}: ${binary.length} bytes\n`)
  }
}
