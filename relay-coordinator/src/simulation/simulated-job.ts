/** The job that simulated hosts compute: its units are numbers, its values are known to the simulation only. */
import {
  blobRef,
  jobIdOf,
  toBase64Url,
  utf8,
  type AuthorId,
  type JobId,
  type JobSpec,
  type SignedSpec,
  type Verification
} from '@peercompute/job-specs'
import { VALUE_BYTES } from './answers.ts'
import { SIGNATURE } from './simulated-fleet.ts'

/** One second on a host of 1 GFLOP/s. */
export const UNIT_OPERATIONS = 1e9

export function simulatedJob(unitCount: number, verification: Verification): { readonly job: JobId; readonly signed: SignedSpec } {
  const author = toBase64Url(new Uint8Array(32)) as AuthorId
  const spec: JobSpec = {
    v: 1,
    name: 'simulated',
    title: 'Simulated',
    description: '',
    researcher: '',
    revision: 1,
    kernel: { name: 'simulated', abi: 1, js: { blob: blobRef(utf8('simulated')) } },
    params: {},
    unitCount,
    inputs: [],
    outputs: [{ name: 'value', type: 'u32', shape: [VALUE_BYTES / 4] }],
    verification,
    reduce: { kind: 'none' },
    limits: { unitSeconds: 60, outputBytes: VALUE_BYTES, memoryBytes: 1024 },
    unitOperations: UNIT_OPERATIONS
  }
  return { job: jobIdOf(author, spec), signed: { author, spec, sig: SIGNATURE } }
}
