/** What is wrong with how a job calls its WASI program, beyond the shape of the fields. */
import type { InputSpec, KernelRef, OutputSpec, ParamValue } from './kernel.ts'
import { wasiTextProblem } from './wasi-text.ts'

interface WasiIssue {
  /** Inside the `wasi` field. */
  readonly path: (string | number)[]
  readonly message: string
}

interface Called {
  readonly kernel: KernelRef
  readonly params: Readonly<Record<string, ParamValue>>
  readonly inputs: readonly Pick<InputSpec, 'name'>[]
  readonly outputs: readonly Pick<OutputSpec, 'name'>[]
}

export function wasiIssues({ kernel, params, inputs, outputs }: Called): readonly WasiIssue[] {
  const wasi = kernel.wasm?.wasi
  if (wasi === undefined) return []
  const { stdin } = wasi
  const issues: WasiIssue[] = []
  function readText(text: string, ...path: WasiIssue['path']): void {
    const message = wasiTextProblem(text, params)
    if (message !== null) issues.push({ path, message })
  }
  for (const [index, text] of wasi.arguments.entries()) readText(text, 'arguments', index)
  for (const [name, text] of Object.entries(wasi.env ?? {})) readText(text, 'env', name)
  if (stdin !== undefined && 'text' in stdin) readText(stdin.text, 'stdin', 'text')
  if (stdin !== undefined && 'input' in stdin && !inputs.some(({ name }) => name === stdin.input))
    issues.push({ path: ['stdin', 'input'], message: `names "${stdin.input}", which is not an input` })
  const named = Object.entries(wasi.outputs ?? {})
  for (const [name] of named)
    if (!outputs.some((output) => output.name === name)) issues.push({ path: ['outputs', name], message: 'is not an output of the job' })
  const streamed = named.filter(([, { from }]) => from === 'stdout')
  if (streamed.length > 1) issues.push({ path: ['outputs'], message: 'takes more than one output from standard output' })
  return issues
}
