/** The text that a cage starts with: our trusted script, with the program that runs job code as data. Node only. */
import { classicScript } from '../sandbox/classic-script.ts'

export function cageScript(runtime: 'deno' | 'node'): string {
  const program = classicScript(new URL('../sandbox/cpu-program.ts', import.meta.url))
  const host = classicScript(new URL(`./${runtime}-host.ts`, import.meta.url))
  return `const CPU_PROGRAM=${JSON.stringify(program)};\n${host}`
}
