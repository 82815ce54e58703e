/** Uploaded WGSL is compiled before any volunteer gets it, on no device, in a process that can be killed. For Node alone. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JobSpec } from '@peercompute/job-specs'

export interface CheckRequest {
  readonly spec: JobSpec
  readonly wgsl: Uint8Array
}

export type WgslVerdict =
  | { readonly kind: 'fits' }
  /** `message`: one sentence, with line and column in the researcher's text where there is a place to name. */
  | { readonly kind: 'unfit'; readonly code: 'KERNEL_COMPILE' | 'KERNEL_BINDING'; readonly message: string }
  /** Nobody knows: the compiler does not run on this machine. */
  | { readonly kind: 'unavailable'; readonly why: string }

export const CHECK_DEADLINE_MS = 10_000
/** Inputs only have to have their size; beyond this they are not made up. */
const INPUTS_MAX_BYTES = 268_435_456

/** Null when Dawn can be started here, else why not, in a sentence. Starts nothing. */
export function whyNoWgslCheck(): string | null {
  const platform = `${process.platform}-${process.platform === 'darwin' ? 'universal' : process.arch}`
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('webgpu'))
    return existsSync(join(folder, 'dist', platform, 'dawn.node')) ? null : `The npm package "webgpu" has no program for ${platform}.`
  } catch {
    return 'The npm package "webgpu" is not installed.'
  }
}

/**
 * Guard, compiler, bindings and one pipeline for each pass. Never rejects for what the text does: one that stalls or crashes the compiler
 * is unfit.
 */
export async function checkWgsl(spec: JobSpec, wgsl: Uint8Array, deadlineMs = CHECK_DEADLINE_MS): Promise<WgslVerdict> {
  const why = whyNoWgslCheck()
  if (why !== null) return { kind: 'unavailable', why }
  if (spec.inputs.reduce((sum, { blob }) => sum + blob.bytes, 0) > INPUTS_MAX_BYTES)
    return { kind: 'unavailable', why: 'The inputs of the job are too large to be checked.' }
  const child = fork(fileURLToPath(new URL('./check-child.ts', import.meta.url)), {
    env: {},
    execArgv: ['--max-old-space-size=512'],
    serialization: 'advanced',
    // What the compiler prints is not read: the verdict is what it says, and it is short.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    signal: AbortSignal.timeout(deadlineMs),
    killSignal: 'SIGKILL'
  })
  try {
    return await new Promise<WgslVerdict>((resolve) => {
      const stalled = (): void =>
        resolve({
          kind: 'unfit',
          code: 'KERNEL_COMPILE',
          message: `The compiler came to no end within ${deadlineMs / 1_000} s: write the kernel shorter`
        })
      child.once('message', (verdict: WgslVerdict) => resolve(verdict))
      child.once('error', (error) =>
        error.name === 'AbortError' ? stalled() : resolve({ kind: 'unavailable', why: `The compiler cannot be started: ${error.message}` })
      )
      child.once('exit', (code, signal) =>
        resolve({ kind: 'unfit', code: 'KERNEL_COMPILE', message: `The compiler gave up on the kernel (${signal ?? `code ${code ?? 0}`})` })
      )
      child.send({ spec, wgsl } satisfies CheckRequest, (error) => {
        if (error !== null) resolve({ kind: 'unavailable', why: `The compiler cannot be asked: ${error.message}` })
      })
    })
  } finally {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}
