import {
  blobRef,
  signSpec,
  jobIdOf,
  utf8,
  type Bytes,
  type ContentHash,
  type JobId,
  type JobSpec,
  type KeyPair,
  type SignedSpec
} from '@peercompute/job-specs'

export const TEST_KERNEL: Bytes = utf8('export default ({ unit }) => ({ y: Float64Array.of(unit * 2) })')
export const TEST_INPUT: Bytes = utf8('12345678')

export function testSpec(changes: Partial<JobSpec> = {}): JobSpec {
  return {
    v: 1,
    name: 'doubling',
    title: 'Doubling',
    description: 'Twice the number of the unit.',
    researcher: 'A lab',
    revision: 1,
    kernel: { name: 'doubling', abi: 1, js: { blob: blobRef(TEST_KERNEL) } },
    params: {},
    unitCount: 1_000_000,
    inputs: [{ name: 'x', type: 'u8', blob: blobRef(TEST_INPUT) }],
    outputs: [{ name: 'y', type: 'f64', shape: [1] }],
    verification: { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 },
    reduce: { kind: 'none' },
    limits: { unitSeconds: 10, outputBytes: 8, memoryBytes: 1_048_576 },
    unitOperations: 1,
    ...changes
  }
}

/** Changes of the specification that let the graphics card compute the job as well. */
export const ALSO_WGSL: Partial<JobSpec> = {
  kernel: {
    name: 'doubling',
    abi: 1,
    js: { blob: blobRef(TEST_KERNEL) },
    wgsl: { blob: blobRef(TEST_KERNEL), passes: [{ entry: 'main', grid: [1, 1, 1], repeat: 1 }] }
  }
}

export interface TestJob {
  readonly id: JobId
  readonly signed: SignedSpec
}

export async function testJob(author: KeyPair, changes: Partial<JobSpec> = {}): Promise<TestJob> {
  const signed = await signSpec(author, testSpec(changes))
  return { id: jobIdOf(signed.author, signed.spec), signed }
}

export const TEST_BLOBS: ReadonlyMap<ContentHash, Bytes> = new Map([TEST_KERNEL, TEST_INPUT].map((bytes) => [blobRef(bytes).sha256, bytes]))

/** The value of a unit of the test job. */
export function testValue(unit: number): Uint8Array {
  return new Uint8Array(Float64Array.of(unit * 2).buffer)
}
