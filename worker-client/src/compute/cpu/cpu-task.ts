/** What a CPU program is told of a job. Plain data: it is cloned into workers. */
import { PeerComputeError, type ElementType, type ParamValue, type Wasi } from '@peercompute/job-specs'
import type { PreparedJob } from '../compute-worker.ts'
import { layoutOf, type OutputLayout } from '../pool/unit-value.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { moduleToScript } from './js-module.ts'

export interface TaskInput {
  readonly name: string
  readonly type: ElementType
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface CpuTask {
  readonly job: string
  readonly params: Readonly<Record<string, ParamValue>>
  readonly inputs: readonly TaskInput[]
  readonly outputs: readonly OutputLayout[]
  /** `limits.outputBytes` and `limits.memoryBytes`. */
  readonly outputBytes: number
  readonly memoryBytes: number
  readonly program:
    | { readonly kind: 'js'; readonly script: string }
    | { readonly kind: 'wasm'; readonly module: Uint8Array<ArrayBuffer>; readonly wasi?: Wasi }
}

/** A copy that owns its buffer, so that a clone carries these bytes only. Null when the blob is not there. */
function blobOf(job: PreparedJob, sha256: string): Uint8Array<ArrayBuffer> | null {
  for (const [hash, bytes] of job.blobs) if (hash === sha256) return new Uint8Array(bytes)
  return null
}

/** The job's inputs, or the refusal `missing_blob`. */
export function taskInputs(job: PreparedJob): TaskInput[] | Refusal {
  const inputs: TaskInput[] = []
  for (const { name, type, blob } of job.spec.inputs) {
    const bytes = blobOf(job, blob.sha256)
    if (bytes === null) return { reason: 'missing_blob', message: `Input "${name}" is not there: blob ${blob.sha256}` }
    inputs.push({ name, type, bytes })
  }
  return inputs
}

/** The text of a kernel program, or a refusal when its blob is missing or no UTF-8. */
export function blobText(job: PreparedJob, sha256: string): string | Refusal {
  const bytes = blobOf(job, sha256)
  if (bytes === null) return { reason: 'missing_blob', message: `The program is not there: blob ${sha256}` }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { reason: 'compile_error', message: 'The program is not valid UTF-8' }
  }
}

/** The task of a job for one kind of CPU program, or why there is none. */
export function cpuTask(job: PreparedJob, kind: 'js' | 'wasm'): CpuTask | Refusal {
  const program = cpuProgram(job, kind)
  if ('reason' in program) return program
  const inputs = taskInputs(job)
  if ('reason' in inputs) return inputs
  const { params, outputs, limits } = job.spec
  return {
    job: job.id,
    params,
    inputs,
    outputs: layoutOf(outputs),
    outputBytes: limits.outputBytes,
    memoryBytes: limits.memoryBytes,
    program
  }
}

function cpuProgram(job: PreparedJob, kind: 'js' | 'wasm'): CpuTask['program'] | Refusal {
  const reference = job.spec.kernel[kind]
  if (reference === undefined) return { reason: 'compile_error', message: `The kernel "${job.spec.kernel.name}" has no ${kind} program` }
  if (kind === 'wasm') {
    const module = blobOf(job, reference.blob.sha256)
    if (module === null) return { reason: 'missing_blob', message: `The program is not there: blob ${reference.blob.sha256}` }
    const wasi = job.spec.kernel.wasm?.wasi
    return { kind, module, ...(wasi === undefined ? {} : { wasi }) }
  }
  const text = blobText(job, reference.blob.sha256)
  if (typeof text !== 'string') return text
  try {
    return { kind, script: moduleToScript(text) }
  } catch (error) {
    if (error instanceof PeerComputeError) return { reason: 'compile_error', message: error.message }
    throw error
  }
}
