/** Deno without permissions: it denies files, network, programs, environment and foreign functions by itself, and its workers have no more. */
import { rm, writeFile } from 'node:fs/promises'
import { builtinModules, createRequire } from 'node:module'
import { join } from 'node:path'
import type { Cage } from './cage.ts'
import { cageScript } from './cage-script.ts'
import { heapFlag, withLimits } from './memory-limits.ts'

const CLOSED = 'data:text/javascript,throw%20new%20TypeError(%22Modules%20of%20the%20runtime%20are%20closed%22)'

/** Path of the program in the npm package, whose install script (a copy of it) is not run. Throws when there is none for this platform. */
function denoBinary(): string {
  const { platform, arch } = process
  const suffix = platform === 'linux' ? '-glibc' : ''
  const program = `@deno/${platform}-${arch}${suffix}/deno${platform === 'win32' ? '.exe' : ''}`
  return createRequire(createRequire(import.meta.url).resolve('deno/package.json')).resolve(program)
}

/** `folder` is empty and the cage's own. Throws when Deno is not installed. */
export async function denoCage(folder: string): Promise<Cage> {
  const command = denoBinary()
  const script = join(folder, 'cage.js')
  const imports = join(folder, 'imports.json')
  const closed = builtinModules.map((name) => [name.startsWith('node:') ? name : `node:${name}`, CLOSED])
  await writeFile(script, cageScript('deno'), { mode: 0o600 })
  await writeFile(imports, JSON.stringify({ imports: Object.fromEntries(closed) as unknown }), { mode: 0o600 })
  return {
    kind: 'deno',
    command: (memoryBytes) =>
      withLimits(memoryBytes, {
        command,
        args: [
          'run',
          '--quiet',
          '--no-prompt',
          '--no-remote',
          '--no-npm',
          '--no-config',
          '--no-lock',
          '--no-code-cache',
          '--node-modules-dir=none',
          `--import-map=${imports}`,
          // as the browser's policy has it: no eval
          `--v8-flags=--disallow-code-generation-from-strings,${heapFlag(memoryBytes)}`,
          script
        ],
        // Below a file there can be no folder: Deno then keeps its caches in memory, and `caches` and `localStorage` have no disk.
        env: { DENO_DIR: join(script, 'none'), NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' }
      }),
    close: () => rm(folder, { recursive: true, force: true })
  }
}
