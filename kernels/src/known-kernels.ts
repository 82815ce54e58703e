/** Whether a job's programs are the reviewed ones of this library. */
import type { KernelRef } from '@peercompute/job-specs'
import { LIBRARY } from './library.ts'

/** True when every program of the reference is, byte for byte, that program of one and the same library kernel. Names do not count. */
export function isKnownKernel(kernel: KernelRef): boolean {
  return Object.values(LIBRARY).some((programs) => {
    const same = (['wgsl', 'js', 'wasm'] as const).map(
      (kind) => kernel[kind] === undefined || kernel[kind].blob.sha256 === programs[kind].sha256
    )
    return same.every(Boolean) && (kernel.wgsl ?? kernel.js ?? kernel.wasm) !== undefined
  })
}
