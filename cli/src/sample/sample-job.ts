/** The job that `start` publishes: real input, and one machine suffices, because two different programs count as two opinions. */
import type { LoadedJob } from '../job/load-job.ts'
import { specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'

export async function sampleJob(): Promise<LoadedJob> {
  const { manifest, programs, blobs } = await loadKernel('keeling-fit')
  const spec = specFor(manifest, { researcher: 'the PeerCompute sample', verification: { quorum: 2, independence: 'executor' } }, programs)
  return { spec, blobs, source: 'keeling-fit' }
}
