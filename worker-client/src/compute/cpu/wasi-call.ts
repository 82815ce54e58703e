/** How the WASI program of a unit is called. Runs inside the sandbox. */
import type { Wasi } from '@peercompute/job-specs'
import { fillWasiText, type WasiValues } from '@peercompute/job-specs/wasi-text'
import type { PreparedJob } from '../compute-worker.ts'
import { unitSeed } from './random.ts'

export interface WasiCall {
  /** Without the program's own name. */
  readonly arguments: readonly string[]
  readonly env: readonly string[]
  /** Null where it is an input, or nothing. */
  readonly stdin: string | null
}

export function wasiCall({ arguments: given, env = {}, stdin }: Wasi, values: WasiValues): WasiCall {
  return {
    arguments: given.map((text) => fillWasiText(text, values)),
    env: Object.entries(env).map(([name, text]) => `${name}=${fillWasiText(text, values)}`),
    stdin: stdin !== undefined && 'text' in stdin ? fillWasiText(stdin.text, values) : null
  }
}

/** Null for a job without a WASI program. */
export function wasiCallOf({ id, spec: { kernel, params } }: PreparedJob, unit: number): WasiCall | null {
  const wasi = kernel.wasm?.wasi
  return wasi === undefined ? null : wasiCall(wasi, { unit, seed: unitSeed(id, unit), params })
}
