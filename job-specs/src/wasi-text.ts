/** Placeholders in the arguments, environment and standard input of a WASI program. Runs inside the sandbox: imports only types. */
import type { ParamValue } from './kernel.ts'

export interface WasiValues {
  readonly unit: number
  /** The unit's 32-bit seed. */
  readonly seed: number
  readonly params: Readonly<Record<string, ParamValue>>
}

const PLACEHOLDER = /\{\{|\{([^{}]*)\}?/g

/** `{unit}`, `{seed}` (as an unsigned number), `{params.NAME}` (a vector's numbers parted by commas); `{{` is a brace. */
export function fillWasiText(text: string, { unit, seed, params }: WasiValues): string {
  return text.replace(PLACEHOLDER, (whole, name: string | undefined) => {
    if (name === undefined) return '{'
    if (name === 'unit') return String(unit)
    if (name === 'seed') return String(seed >>> 0)
    const param = name.slice('params.'.length)
    return Object.hasOwn(params, param) ? String(params[param]) : whole
  })
}

/** What is wrong with the placeholders of a text, or null. */
export function wasiTextProblem(text: string, params: WasiValues['params']): string | null {
  for (const [whole, name] of text.matchAll(PLACEHOLDER)) {
    if (name === undefined || whole === '{unit}' || whole === '{seed}') continue
    if (whole.endsWith('}') && name.startsWith('params.') && Object.hasOwn(params, name.slice('params.'.length))) continue
    return `has "${whole}", which is no placeholder: {unit}, {seed} and {params.NAME} of this job's params are; write {{ for a brace`
  }
  return null
}
