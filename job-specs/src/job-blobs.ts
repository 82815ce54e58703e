/** Everything that a job refers to by hash. */
import type { BlobRef } from './blob.ts'
import type { JobSpec } from './job.ts'

/** The kernel's programs, the job's verifier and comparator (which volunteers do not need), then its inputs. */
export function jobBlobs({ kernel, verification, inputs }: JobSpec): readonly BlobRef[] {
  const { comparator } = verification
  return [
    ...[kernel.wgsl, kernel.js, kernel.wasm].flatMap((program) => (program === undefined ? [] : [program.blob])),
    ...(verification.policy === 'verifier' && verification.verify.kind === 'custom' ? [verification.verify.js] : []),
    ...(comparator.kind === 'custom' ? [comparator.js] : []),
    ...inputs.map((input) => input.blob)
  ]
}
