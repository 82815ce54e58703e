/** Node inside bubblewrap (Linux): namespaces of its own without a network, no files but its libraries, and Node's permission model on top. */
import { accessSync, constants, existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Cage } from './cage.ts'
import { cageScript } from './cage-script.ts'
import { heapFlag, withLimits } from './memory-limits.ts'

const LIBRARIES = ['/usr/lib', '/usr/lib64', '/lib', '/lib64']
const PLACES = ['/usr/bin', '/bin', '/usr/local/bin']

function bubblewrapBinary(): string {
  const named = process.env.PEERCOMPUTE_BUBBLEWRAP
  const folders = [...PLACES, ...(process.env.PATH ?? '').split(delimiter)]
  const places = named === undefined || named === '' ? folders.map((folder) => join(folder, 'bwrap')) : [named]
  const found = places.find((path) => existsSync(path))
  if (found === undefined) throw new Error('bubblewrap (bwrap) is not installed')
  accessSync(found, constants.X_OK)
  return found
}

/** `folder` is empty and the cage's own. Throws when bubblewrap is not installed. */
export async function bubblewrapCage(folder: string): Promise<Cage> {
  const command = bubblewrapBinary()
  const script = join(folder, 'cage.cjs')
  await writeFile(script, cageScript('node'), { mode: 0o644 })
  return {
    kind: 'bubblewrap',
    command: (memoryBytes) =>
      withLimits(memoryBytes, {
        command,
        args: [
          '--unshare-all',
          '--die-with-parent',
          '--new-session',
          '--clearenv',
          ...LIBRARIES.flatMap((path) => ['--ro-bind-try', path, path]),
          ...['--ro-bind', process.execPath, '/cage/node', '--ro-bind', script, '/cage/cage.cjs'],
          ...['--remount-ro', '/', '--cap-drop', 'ALL', '--chdir', '/cage', '/cage/node'],
          ...['--no-warnings', '--permission', '--allow-worker', '--allow-fs-read=/cage/cage.cjs'],
          '--disallow-code-generation-from-strings',
          heapFlag(memoryBytes),
          '/cage/cage.cjs'
        ],
        env: {}
      }),
    close: () => rm(folder, { recursive: true, force: true })
  }
}
