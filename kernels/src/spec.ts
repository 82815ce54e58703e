/** From a library kernel to a job that can be signed and published. */
import {
  chooseVerification,
  jobSpecSchema,
  KERNEL_ABI,
  PeerComputeError,
  type BlobRef,
  type JobSpec,
  type Verification,
  type VerificationWish
} from '@peercompute/job-specs'
import type { KernelManifest, KernelParams } from './manifest.ts'
import { resolveParams } from './params.ts'

/** The files of a kernel, by content. */
export interface KernelPrograms {
  readonly wgsl: BlobRef
  readonly js: BlobRef
  readonly wasm: BlobRef
  /** By input name. */
  readonly inputs: Readonly<Record<string, BlobRef>>
}

export interface SpecOverrides {
  readonly params?: Readonly<Record<string, number>>
  readonly title?: string
  readonly description?: string
  readonly researcher?: string
  readonly revision?: number
  /** What it leaves out is as in a job file; the comparator is the kernel's own. */
  readonly verification?: VerificationWish
}

function verificationOf(manifest: KernelManifest, params: KernelParams, overrides: VerificationWish): Verification {
  const chosen = chooseVerification({ comparator: manifest.comparator(params), ...overrides }, manifest.unitCount(params))
  if (chosen.ok) return chosen.verification
  const path = `verification.${chosen.field}`
  throw new PeerComputeError('JOB_INVALID', `The field "${path}" ${chosen.message}.`, { place: { path } })
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
    verification: verificationOf(manifest, params, overrides.verification ?? {}),
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
