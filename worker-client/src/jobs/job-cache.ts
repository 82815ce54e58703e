/**
 * Jobs that this host may compute. A job enters only when its author's signature, its id and the admission by the certified
 * coordinator hold; its bytes are fetched by hash. So neither a relay nor a forged answer can make a volunteer run anything.
 */
import {
  kernelExecutors,
  PeerComputeError,
  verifySpec,
  type AuthorId,
  type BlobRef,
  type Bytes,
  type ContentHash,
  type ExecutorKind,
  type JobId,
  type JobSpec,
  type UnitFailure
} from '@peercompute/job-specs'
import { verifyAdmission, type LeasedJob } from '@peercompute/job-specs/protocol'
import type { PreparedJob } from '../compute/compute-worker.ts'
import type { FetchBlob } from '../blobs/blob-client.ts'

/** The most that one `ask` can name. */
export const JOBS_MAX = 256
export const BLOB_CACHE_MAX_BYTES = 536_870_912

export type Preparation =
  { readonly ok: true; readonly job: PreparedJob } | { readonly ok: false; readonly reason: UnitFailure; readonly message: string }

export interface JobCache {
  /** Ids of the jobs held, at most JOBS_MAX. */
  known(): JobId[]
  spec(job: JobId): JobSpec | undefined
  /** As the coordinator sent it. */
  leased(job: JobId): LeasedJob | undefined
  /** False when a signature or the id does not hold. Then, and when it is revoked, the job is not kept. */
  admit(leased: LeasedJob, operational: string): Promise<boolean>
  /** The job with the bytes that one executor needs. Rejects with COORDINATOR_UNREACHABLE when they cannot be had for now. */
  prepare(job: JobId, executor: ExecutorKind): Promise<Preparation>
  /** Forgets the jobs that were revoked meanwhile, and names them. */
  dropRevoked(): readonly JobId[]
}

export interface JobCacheInit {
  readonly fetchBlob: FetchBlob
  readonly maxBytes?: number
  /** Whether the job or the key of its author was revoked. None is by default. */
  readonly isRevoked?: (job: JobId, author: AuthorId) => boolean
  /** Until then it is not known what was revoked. */
  readonly ready?: Promise<unknown>
}

export function createJobCache(init: JobCacheInit): JobCache {
  const { maxBytes = BLOB_CACHE_MAX_BYTES, isRevoked = () => false } = init
  const jobs = new Map<JobId, LeasedJob>()
  const blobs = new Map<ContentHash, Promise<Bytes>>()
  const sizes = new Map<ContentHash, number>()

  const evictBlobs = () => {
    let held = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    for (const [hash, size] of sizes) {
      if (held <= maxBytes) return
      sizes.delete(hash)
      blobs.delete(hash)
      held -= size
    }
  }

  const blob = (ref: BlobRef): Promise<Bytes> => {
    const held = blobs.get(ref.sha256) ?? init.fetchBlob(ref)
    touch(blobs, ref.sha256, held)
    touch(sizes, ref.sha256, ref.bytes)
    held.catch(() => {
      if (blobs.get(ref.sha256) !== held) return
      blobs.delete(ref.sha256)
      sizes.delete(ref.sha256)
    })
    evictBlobs()
    return held
  }

  return {
    known: () => [...jobs.keys()],
    spec: (job) => jobs.get(job)?.signed.spec,
    leased: (job) => jobs.get(job),
    async admit(leased, operational) {
      if (leased.admittedBy !== operational) return false
      if (!(await verifyAdmission(operational, leased.job, leased.admission)) || !(await verifySpec(leased.signed, leased.job)))
        return false
      await init.ready
      if (isRevoked(leased.job, leased.signed.author)) return true
      touch(jobs, leased.job, leased)
      for (const oldest of jobs.keys()) {
        if (jobs.size <= JOBS_MAX) break
        jobs.delete(oldest)
      }
      return true
    },
    async prepare(job, executor) {
      const leased = jobs.get(job)
      if (leased === undefined) return { ok: false, reason: 'missing_blob', message: 'The job specification is no longer held' }
      touch(jobs, job, leased)
      const { spec } = leased.signed
      if (!kernelExecutors(spec.kernel).includes(executor))
        return { ok: false, reason: 'compile_error', message: `The kernel has no program for "${executor}"` }
      const refs = blobRefs(spec, executor)
      const total = refs.reduce((sum, ref) => sum + ref.bytes, 0)
      if (total > maxBytes)
        return { ok: false, reason: 'out_of_memory', message: `Kernel and inputs take ${total} bytes, this host allows ${maxBytes}` }
      try {
        const pairs = await Promise.all(refs.map(async (ref) => [ref.sha256, await blob(ref)] as const))
        return { ok: true, job: { id: job, spec, blobs: new Map(pairs) } }
      } catch (error) {
        if (error instanceof PeerComputeError && error.code !== 'COORDINATOR_UNREACHABLE')
          return { ok: false, reason: 'missing_blob', message: error.message }
        throw error
      }
    },
    dropRevoked() {
      const revoked = [...jobs].filter(([job, { signed }]) => isRevoked(job, signed.author)).map(([job]) => job)
      for (const job of revoked) jobs.delete(job)
      return revoked
    }
  }
}

function blobRefs(spec: JobSpec, executor: ExecutorKind): BlobRef[] {
  const program = { webgpu: spec.kernel.wgsl, wasm: spec.kernel.wasm, js: spec.kernel.js }[executor]
  return [...(program === undefined ? [] : [program.blob]), ...spec.inputs.map((input) => input.blob)]
}

/** Makes the entry the youngest: a Map iterates in the order of insertion. */
function touch<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key)
  map.set(key, value)
}
