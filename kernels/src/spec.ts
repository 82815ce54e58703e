/** From a library kernel to a job that can be signed and published. */
import {
  jobSpecSchema,
  KERNEL_ABI,
  MAX_RESULTS_DEFAULT,
  PeerComputeError,
  type BlobRef,
  type Comparator,
  type JobSpec,
  type Verification
} from '@peercompute/job-specs'
import type { KernelManifest } from './manifest.ts'
import { resolveParams } from './params.ts'

/** The files of a kernel, by content. */
export interface KernelPrograms {
  readonly wgsl: BlobRef
  readonly js: BlobRef
  readonly wasm: BlobRef
  /** By input name. */
  readonly inputs: Readonly<Record<string, BlobRef>>
}

type Quorum = Extract<Verification, { policy: 'quorum' }>
/** Parts of a quorum rule, or another policy whole. */
export type VerificationOverrides = Partial<Quorum> | Exclude<Verification, Quorum>

export interface SpecOverrides {
  readonly params?: Readonly<Record<string, number>>
  readonly title?: string
  readonly description?: string
  readonly researcher?: string
  readonly revision?: number
  /** Replaces parts of: quorum 2, independence `host`, the kernel's own comparator. */
  readonly verification?: VerificationOverrides
}

function isWhole(overrides: VerificationOverrides): overrides is Exclude<Verification, Quorum> {
  return overrides.policy !== undefined && overrides.policy !== 'quorum'
}

function verificationOf(comparator: Comparator, overrides: VerificationOverrides): Verification {
  if (isWhole(overrides)) return overrides
  return { policy: 'quorum', quorum: 2, independence: 'host', comparator, maxResults: MAX_RESULTS_DEFAULT, ...overrides }
}

/** Pure: equal arguments give equal specs, so the same job gets the same id. Throws JOB_INVALID naming the field. */
export function specFor(manifest: KernelManifest, overrides: SpecOverrides, programs: KernelPrograms): JobSpec {
  const params = resolveParams(manifest, overrides.params ?? {})
  const parsed = jobSpecSchema.safeParse({
    v: 1,
    name: manifest.name,
    title: overrides.title ?? manifest.title,
    description: overrides.description ?? manifest.summary,
    researcher: overrides.researcher ?? '',
    revision: overrides.revision ?? 1,
    kernel: {
      name: manifest.name,
      abi: KERNEL_ABI,
      wgsl: { blob: programs.wgsl, passes: manifest.passes(params) },
      js: { blob: programs.js },
      wasm: { blob: programs.wasm }
    },
    params,
    unitCount: manifest.unitCount(params),
    inputs: manifest.inputs.map(({ name, type }) => ({ name, type, blob: programs.inputs[name] })),
    outputs: manifest.outputs(params),
    verification: verificationOf(manifest.comparator(params), overrides.verification ?? {}),
    reduce: manifest.reduce,
    view: manifest.view(params),
    limits: manifest.limits(params),
    unitOperations: manifest.unitOperations(params)
  })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue?.path.join('.') ?? ''
  throw new PeerComputeError('JOB_INVALID', `The field "${path}" ${issue?.message ?? 'is not valid'}.`, { place: { path } })
}
