/** A job of a library kernel with its bytes at hand, as the test runners need it. */
import { PeerComputeError, type BlobRef, type JobSpec } from '@peercompute/job-specs'
import { loadKernel } from '../src/files.ts'
import type { KernelName } from '../src/registry.ts'
import { specFor } from '../src/spec.ts'

export interface TestJob {
  readonly spec: JobSpec
  readonly bytesOf: (ref: BlobRef | undefined) => Uint8Array
}

export async function testJob(name: KernelName, params: Readonly<Record<string, number>> = {}): Promise<TestJob> {
  const { manifest, programs, blobs } = await loadKernel(name)
  return {
    spec: specFor(manifest, { params }, programs),
    bytesOf: (ref) => {
      const bytes = ref && blobs.get(ref.sha256)
      if (bytes === undefined) throw new PeerComputeError('BLOB_NOT_FOUND', `The test job lacks ${ref?.sha256 ?? 'a program'}.`)
      return bytes
    }
  }
}

/** Runs one unit and gives its value. */
export type UnitRunner = (unit: number) => Uint8Array
