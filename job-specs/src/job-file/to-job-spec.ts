/** Job file + the hashes of what it names → the specification that is signed and published. Pure. */
import { z } from 'zod'
import type { BlobRef } from '../blob.ts'
import { canonicalBytes } from '../canonical.ts'
import { jobSpecSchema, SPEC_MAX_BYTES, UNIT_VALUE_MAX_BYTES, type JobSpec } from '../job.ts'
import { KERNEL_ABI, unitValueBytes, type KernelPass, type KernelRef } from '../kernel.ts'
import { chooseVerification } from '../choose-verification.ts'
import type { Plan } from '../plan.ts'
import { describeIssues, type DescribedIssue } from './describe-issue.ts'
import type { JobFile, OwnKernel } from './job-file.ts'
import { wishOf, withHashes } from './verification-file.ts'

/** What a library kernel says about a job with these params. */
export interface LibraryJob extends Pick<JobSpec, 'kernel'>, Partial<Omit<JobSpec, 'kernel' | 'v' | 'name' | 'revision'>> {}

export interface JobMaterial {
  /** By the path that the job file names. */
  readonly blobs: ReadonlyMap<string, BlobRef>
  /** For a job file whose kernel is a name. */
  readonly library?: LibraryJob
}

export type BuiltSpec =
  /** `plan`: where the file left the rule to the planner. */
  | { readonly ok: true; readonly spec: JobSpec; readonly plan: Plan | null }
  | { readonly ok: false; readonly issues: readonly DescribedIssue[] }

const DEFAULT_UNIT_SECONDS = 60
const DEFAULT_MEMORY_BYTES = 268_435_456
const DEFAULT_UNIT_OPERATIONS = 1_000_000

/** Fields whose name in the specification is not the one in the job file. */
const FILE_NAMES: Readonly<Record<string, string>> = { unitCount: 'units' }

function missing(path: (string | number)[], file: string): DescribedIssue {
  return { path, atKey: false, message: `The file ${file} is not there` }
}

function ownKernel(own: OwnKernel, blobs: ReadonlyMap<string, BlobRef>): KernelRef | DescribedIssue {
  const { wgsl, js } = own
  const { file: wasiFile, arguments: given = [], ...called } = own.wasi ?? { file: undefined }
  const wasm = own.wasm ?? wasiFile
  const program = (path: string | undefined) => (path === undefined ? undefined : blobs.get(path))
  const [wgslBlob, jsBlob, wasmBlob] = [program(wgsl?.file), program(js), program(wasm)]
  if (wgsl !== undefined && wgslBlob === undefined) return missing(['kernel', 'wgsl', 'file'], wgsl.file)
  if (js !== undefined && jsBlob === undefined) return missing(['kernel', 'js'], js)
  if (wasm !== undefined && wasmBlob === undefined)
    return missing(['kernel', ...(wasiFile === undefined ? ['wasm'] : ['wasi', 'file'])], wasm)
  const passes = wgsl?.passes.map(({ entry, grid: [x = 1, y = 1, z = 1], repeat = 1 }): KernelPass => ({ entry, grid: [x, y, z], repeat }))
  return {
    name: own.name,
    abi: KERNEL_ABI,
    ...(wgslBlob && passes ? { wgsl: { blob: wgslBlob, passes } } : {}),
    ...(jsBlob ? { js: { blob: jsBlob } } : {}),
    ...(wasmBlob ? { wasm: { blob: wasmBlob, ...(wasiFile === undefined ? {} : { wasi: { arguments: given, ...called } }) } } : {})
  }
}

function issuesOf(error: z.ZodError, spec: unknown): readonly DescribedIssue[] {
  const schema = z.toJSONSchema(jobSpecSchema, { io: 'input' })
  return describeIssues(error.issues, schema, spec).map(({ path: [first, ...rest], message, ...issue }) => {
    // The file has the program and its call in one place.
    if (first === 'kernel' && rest[0] === 'wasm' && rest[1] === 'wasi')
      return { ...issue, path: [first, ...rest.slice(1)], message: message.replace('kernel.wasm.wasi', 'kernel.wasi') }
    const name = typeof first === 'string' ? FILE_NAMES[first] : undefined
    if (first === undefined || name === undefined) return { ...issue, message, path: first === undefined ? [] : [first, ...rest] }
    return { ...issue, path: [name, ...rest], message: message.replace(`"${String(first)}"`, `"${name}"`) }
  })
}

/** What the author wrote wins over what the library says, and that over the defaults of the format. */
export function toJobSpec(file: JobFile, { blobs, library }: JobMaterial): BuiltSpec {
  const refuse = (...issues: DescribedIssue[]): BuiltSpec => ({ ok: false, issues })
  const kernel = typeof file.kernel === 'string' ? library?.kernel : ownKernel(file.kernel, blobs)
  if (kernel === undefined) return refuse({ path: ['kernel'], atKey: false, message: '"kernel" names no kernel of the library' })
  if ('message' in kernel) return refuse(kernel)

  const lost = file.inputs?.findIndex((input) => !blobs.has(input.file)) ?? -1
  const lostFile = file.inputs?.[lost]?.file
  if (lostFile !== undefined) return refuse(missing(['inputs', lost, 'file'], lostFile))
  const ownInputs = file.inputs?.map(({ name, type, file: path }) => ({ name, type, blob: blobs.get(path) }))

  const outputs = file.outputs ?? library?.outputs ?? []
  const view = file.view ?? library?.view
  const requires = file.requires ?? library?.requires
  const limits = {
    unitSeconds: DEFAULT_UNIT_SECONDS,
    outputBytes: Math.min(UNIT_VALUE_MAX_BYTES, Math.max(1, unitValueBytes(outputs))),
    memoryBytes: DEFAULT_MEMORY_BYTES,
    ...library?.limits,
    ...file.limits
  }
  const unitCount = file.units ?? library?.unitCount
  const written = withHashes(file.verification ?? {}, blobs)
  if ('message' in written) return refuse(written)
  const chosen = chooseVerification(wishOf(written, library?.verification), unitCount ?? 1)
  if (!chosen.ok)
    return refuse({ path: ['verification', chosen.field], atKey: true, message: `"verification.${chosen.field}" ${chosen.message}` })
  const spec = {
    v: 1,
    name: file.name,
    title: file.title ?? library?.title ?? file.name,
    description: file.description ?? library?.description ?? '',
    researcher: file.researcher ?? library?.researcher ?? '',
    revision: file.revision ?? 1,
    kernel,
    params: { ...library?.params, ...file.params },
    unitCount,
    inputs: ownInputs ?? library?.inputs ?? [],
    outputs,
    verification: chosen.verification,
    reduce: file.reduce ?? library?.reduce ?? { kind: 'none' },
    ...(view === undefined ? {} : { view }),
    limits,
    ...(requires === undefined ? {} : { requires }),
    ...(file.priority === undefined ? {} : { priority: file.priority }),
    unitOperations: file.unitOperations ?? library?.unitOperations ?? DEFAULT_UNIT_OPERATIONS
  }
  const parsed = jobSpecSchema.safeParse(spec)
  if (!parsed.success) return { ok: false, issues: issuesOf(parsed.error, spec) }
  const bytes = canonicalBytes(parsed.data).length
  if (bytes > SPEC_MAX_BYTES) {
    return refuse({
      path: ['params'],
      atKey: true,
      message: `The specification takes ${bytes} bytes, more than ${SPEC_MAX_BYTES}: put data into inputs, not into params`
    })
  }
  return { ok: true, spec: parsed.data, plan: chosen.plan }
}
