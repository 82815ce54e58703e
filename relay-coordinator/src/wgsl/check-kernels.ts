/**
 * A coordinator that lets no job with WGSL begin before its text was compiled. With all blobs here a bad kernel is refused at once; one
 * that is uploaded afterwards ends its job with a reason. Whoever compiles does so in another process.
 */
import { jobIdOf, PeerComputeError, type Bytes, type ContentHash, type JobId, type JobSpec } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import { jobsNewestFirst } from '../ledger/all-jobs.ts'

export type KernelVerdict =
  | { readonly kind: 'fits' }
  | { readonly kind: 'unfit'; readonly code: 'KERNEL_COMPILE' | 'KERNEL_BINDING'; readonly message: string }
  | { readonly kind: 'unavailable'; readonly why: string }

export interface KernelCheck {
  /** Why nothing can be checked on this machine; null when it can. */
  readonly unavailable: string | null
  check(spec: JobSpec, wgsl: Bytes): Promise<KernelVerdict>
}

export interface CheckedBlobs {
  size(sha256: ContentHash): Promise<number | null>
  read(sha256: ContentHash): Promise<Bytes>
}

export interface KernelCheckInit {
  readonly check: KernelCheck
  readonly blobs: CheckedBlobs
  /** Kernels of the library: they were reviewed. */
  readonly reviewed: ReadonlySet<ContentHash>
  /** Hears why a kernel went out unchecked. */
  readonly onUnchecked: (job: JobId, why: string) => void
}

const MESSAGE_SHOWN = 200

export function checkKernels(coordinator: Coordinator, { check, blobs, reviewed, onUnchecked }: KernelCheckInit): Coordinator {
  /** What to tell of the jobs that were ended here. */
  const messages = new Map<JobId, string>()
  const asked = new Set<JobId>()
  /** Open jobs by the WGSL that they still lack. */
  const waiting = new Map<ContentHash, Set<JobId>>()
  let queue: Promise<unknown> = Promise.resolve()
  const wgslOf = (spec: JobSpec): ContentHash | undefined => spec.kernel.wgsl?.blob.sha256
  const wait = (sha256: ContentHash, job: JobId): void => {
    waiting.set(sha256, (waiting.get(sha256) ?? new Set()).add(job))
  }
  for (const { id, state } of jobsNewestFirst(coordinator)) {
    const spec = state === 'queued' || state === 'paused' ? coordinator.signedSpec(id)?.spec : undefined
    const sha256 = spec && wgslOf(spec)
    if (sha256 !== undefined) wait(sha256, id)
  }

  /** One at a time: compilers are hungry. Null when there is nothing against the kernel. */
  function refusalOf(job: JobId, spec: JobSpec): Promise<PeerComputeError | null> {
    const sha256 = wgslOf(spec)
    if (sha256 === undefined || reviewed.has(sha256)) return Promise.resolve(null)
    const verdict = queue.then(async () => check.check(spec, await blobs.read(sha256)))
    queue = verdict.catch(() => undefined)
    return verdict.then((said) => {
      if (said.kind === 'unavailable') onUnchecked(job, said.why)
      return said.kind === 'unfit' ? new PeerComputeError(said.code, said.message) : null
    })
  }
  function remember(job: JobId, refusal: PeerComputeError | null): void {
    if (refusal !== null) messages.set(job, `${refusal.code}: ${refusal.detail}`.slice(0, MESSAGE_SHOWN))
  }
  async function endUnlessFit(job: JobId, spec: JobSpec): Promise<void> {
    const refusal = await refusalOf(job, spec)
    if (refusal === null) return
    remember(job, refusal)
    await coordinator.cancel(job, 'kernel_refused')
  }

  return {
    ...coordinator,
    submit: async (signed, custodial, held) => {
      const { spec } = signed
      const job = jobIdOf(signed.author, spec)
      const sha256 = wgslOf(spec)
      if (sha256 === undefined || coordinator.signedSpec(job) !== undefined) return coordinator.submit(signed, custodial, held)
      const present = (await blobs.size(sha256)) !== null
      const refusal = present ? await refusalOf(job, spec) : null
      if (refusal !== null) throw refusal
      if (!present) wait(sha256, job)
      const answer = await coordinator.submit(signed, custodial, held)
      // It came between the look and the decision.
      if (!present && !answer.missingBlobs.includes(sha256)) await endUnlessFit(job, spec)
      return answer
    },
    blobArrived: async (sha256) => {
      const jobs = waiting.get(sha256) ?? []
      waiting.delete(sha256)
      for (const job of jobs) {
        const spec = coordinator.signedSpec(job)?.spec
        if (spec !== undefined) await endUnlessFit(job, spec)
      }
      await coordinator.blobArrived(sha256)
    },
    why: (job, unit) => {
      const why = coordinator.why(job, unit)
      const message = messages.get(job)
      if (why.code !== 'kernel_refused') return why
      if (message !== undefined) return { ...why, facts: { ...why.facts, message } }
      // The coordinator was started again since then: whoever asks a second time is told.
      const spec = coordinator.signedSpec(job)?.spec
      if (spec !== undefined && !asked.has(job)) {
        asked.add(job)
        refusalOf(job, spec).then(
          (refusal) => {
            remember(job, refusal)
          },
          () => undefined // Its blob may be gone by now; the reason stays.
        )
      }
      return why
    }
  }
}
