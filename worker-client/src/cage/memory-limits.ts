/** How memory is bounded in a cage: V8's heap by a flag, all of it by the kernel where Linux's `prlimit` is, resident bytes by CageProcess. */
import { existsSync } from 'node:fs'
import type { CageCommand } from './cage.ts'

const PRLIMIT = '/usr/bin/prlimit'
const OWN_HEAP_BYTES = 67_108_864
/** Writable address space that V8 maps before any program runs. Measured with Deno 2.9 and Node 24: between 1.1 and 1.5 GB. */
const OWN_DATA_BYTES = 2_147_483_648

export function heapFlag(memoryBytes: number): string {
  return `--max-old-space-size=${Math.ceil((OWN_HEAP_BYTES + memoryBytes) / 1_048_576)}`
}

/** Lets the kernel refuse what is far beyond `memoryBytes`, and write no core file. */
export function withLimits(memoryBytes: number, { command, args, env }: CageCommand): CageCommand {
  if (process.platform !== 'linux' || !existsSync(PRLIMIT)) return { command, args, env }
  return { command: PRLIMIT, args: ['--core=0', `--data=${OWN_DATA_BYTES + memoryBytes}`, '--', command, ...args], env }
}
