/** What the guard does to the loops of a job's WGSL: the author should know which of them cost fuel. */
import { PeerComputeError } from '@peercompute/job-specs'
import { FUEL_START, lintWgsl } from '@peercompute/worker-client/wgsl'
import type { LoadedJob } from '../job/load-job.ts'

/** A sentence for each loop that gets fuel. Throws KERNEL_COMPILE for a kernel that no volunteer would run. */
export function wgslNotes({ spec, blobs }: LoadedJob): readonly string[] {
  const sha256 = spec.kernel.wgsl?.blob.sha256
  const bytes = sha256 === undefined ? undefined : blobs.get(sha256)
  if (bytes === undefined) return []
  const lint = lintWgsl(new TextDecoder().decode(bytes), spec.params)
  if ('reason' in lint) throw new PeerComputeError('KERNEL_COMPILE', lint.message)
  return lint.loops.flatMap(({ how, place, steps = 1 }) => {
    const cost = `${steps} ${steps === 1 ? 'step' : 'steps'} of fuel an iteration`
    if (how === 'fuelled') return [`WGSL, ${place}: the end of this loop is not known before it runs, so it takes ${cost}.`]
    if (how === 'barrier')
      return [`WGSL, ${place}: this loop has barriers and no known end; it takes ${cost} of ${FUEL_START}. A constant bound frees it.`]
    return []
  })
}
