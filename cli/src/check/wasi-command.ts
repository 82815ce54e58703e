/** How the WASI program of a unit is called, as one would write it in a shell. */
import type { LoadedJob } from '../job/load-job.ts'
import { printable } from '../output/printable.ts'
import { prepare } from './run-units.ts'

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** Null for a job without a WASI program. */
export async function wasiCommand(job: LoadedJob, unit: number): Promise<string | null> {
  if (job.spec.kernel.wasm?.wasi === undefined) return null
  const { wasiCallOf } = await import('@peercompute/worker-client/node')
  const call = wasiCallOf(prepare(job), unit)
  if (call === null) return null
  const { stdin } = job.spec.kernel.wasm.wasi
  const from = stdin !== undefined && 'input' in stdin ? [`< /in/${stdin.input}`] : call.stdin === null ? [] : [`<<< ${quoted(call.stdin)}`]
  return printable([...call.env.map(quoted), job.spec.kernel.name, ...call.arguments.map(quoted), ...from].join(' '))
}
