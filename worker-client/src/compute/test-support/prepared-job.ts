/** Small jobs for tests of executors. */
import {
  blobRef,
  canonicalBytes,
  sha256Hex,
  utf8,
  type ContentHash,
  type JobId,
  type JobSpec,
  type KernelPass,
  type OutputSpec,
  type Wasi
} from '@peercompute/job-specs'
import type { ComputeWorker, PreparedJob, UnitOutcome } from '../compute-worker.ts'

export interface TestJob {
  readonly js?: string
  readonly wasm?: Uint8Array
  /** The WASM is a WASI program, called like this. */
  readonly wasi?: Wasi
  readonly wgsl?: string
  readonly passes?: readonly KernelPass[]
  readonly params?: JobSpec['params']
  readonly inputs?: readonly { readonly name: string; readonly type: JobSpec['inputs'][number]['type']; readonly bytes: Uint8Array }[]
  readonly outputs?: readonly OutputSpec[]
  readonly limits?: Partial<JobSpec['limits']>
}

/** One u32 named `value` by default. Not signed: executors take jobs that have been checked. */
export function preparedJob({ js, wasm, wasi, wgsl, passes, params = {}, inputs = [], outputs, limits }: TestJob): PreparedJob {
  const blobs = new Map<ContentHash, Uint8Array>()
  function keep(bytes: Uint8Array) {
    const blob = blobRef(bytes)
    blobs.set(blob.sha256, bytes)
    return { blob }
  }
  const spec: JobSpec = {
    v: 1,
    name: 'test',
    title: 'Test',
    description: '',
    researcher: '',
    revision: 1,
    kernel: {
      name: 'test',
      abi: 1,
      ...(js === undefined ? {} : { js: keep(utf8(js)) }),
      ...(wasm === undefined ? {} : { wasm: { ...keep(wasm), ...(wasi === undefined ? {} : { wasi }) } }),
      ...(wgsl === undefined
        ? {}
        : {
            wgsl: {
              ...keep(utf8(wgsl)),
              passes: [...(passes ?? [{ entry: 'main', grid: [1, 1, 1] as [number, number, number], repeat: 1 }])]
            }
          })
    },
    params,
    unitCount: 1_000,
    inputs: inputs.map(({ name, type, bytes }) => ({ name, type, ...keep(bytes) })),
    outputs: outputs === undefined ? [{ name: 'value', type: 'u32', shape: [1] }] : [...outputs],
    verification: { policy: 'quorum', quorum: 1, independence: 'executor', comparator: { kind: 'exact' }, maxResults: 1 },
    reduce: { kind: 'none' },
    limits: { unitSeconds: 20, outputBytes: 65_536, memoryBytes: 16_777_216, ...limits },
    unitOperations: 1
  }
  return { id: sha256Hex(canonicalBytes(spec)) as JobId, spec, blobs }
}

/** Runs units and returns their outcomes by unit. */
export async function runUnits(worker: ComputeWorker, job: PreparedJob, start: number, count: number): Promise<UnitOutcome[]> {
  const outcomes: UnitOutcome[] = []
  await worker.run(
    { job, start, count },
    {
      outcome: (outcome) => {
        outcomes.push(outcome)
      }
    },
    new AbortController().signal
  )
  return outcomes.sort((a, b) => a.unit - b.unit)
}
