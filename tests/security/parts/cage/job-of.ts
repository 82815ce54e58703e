import { jobIdOf } from '@peercompute/job-specs'
import type { PreparedJob } from '@peercompute/worker-client/node'
import { ownJob } from '../../../integration/parts/publish.ts'

/** A job of one JavaScript program with one output `seen` of so many bytes, as a volunteer has it after all checks. */
export function jobOf(js: string, bytes: number): PreparedJob {
  const { spec, blobs } = ownJob(
    'attack',
    { js },
    {
      unitCount: 10,
      outputs: [{ name: 'seen', type: 'u8', shape: [bytes] }],
      limits: { unitSeconds: 5, outputBytes: bytes, memoryBytes: 33_554_432 }
    }
  )
  return { id: jobIdOf('', spec), spec, blobs: new Map(blobs) }
}
