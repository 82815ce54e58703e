/** A job that is not published yet: its specification, the bytes that go with it, or what is wrong. */
import { PeerComputeError, blobRef, type BlobRef, type ContentHash, type JobSpec, type VerificationWish } from '@peercompute/job-specs'
import {
  filesOf,
  parseJobFile,
  placeIssues,
  toJobSpec,
  type JobFile,
  type JobFileProblem,
  type LibraryJob
} from '@peercompute/job-specs/job-file'
import { isKernelName, LIBRARY, registry, specFor, type KernelName } from '@peercompute/kernels'
import type { FileBytes, JobFiles } from './job-files.ts'

export type Draft =
  | { readonly ok: true; readonly spec: JobSpec; readonly blobs: ReadonlyMap<ContentHash, FileBytes> }
  | { readonly ok: false; readonly problems: readonly JobFileProblem[] }

export interface ReadyMade {
  readonly kernel: KernelName
  readonly params: Readonly<Record<string, number>>
  readonly researcher: string
  readonly revision: number
  readonly verification: VerificationWish
}

/** The same work again under another revision. Its bytes are with the coordinator that holds the original. */
export function cloneDraft(spec: JobSpec, revision: number): Draft {
  return { ok: true, spec: { ...spec, revision }, blobs: new Map() }
}

/** A library job carries no bytes: every coordinator holds the library. */
export function readyMadeDraft({ kernel, ...overrides }: ReadyMade): Draft {
  try {
    return { ok: true, spec: specFor(registry[kernel], overrides, LIBRARY[kernel]), blobs: new Map() }
  } catch (error) {
    if (!(error instanceof PeerComputeError)) throw error
    return { ok: false, problems: [{ message: error.detail, path: error.place?.path ?? '', line: 1, column: 1 }] }
  }
}

function libraryPart(file: JobFile): LibraryJob | undefined {
  if (typeof file.kernel !== 'string' || !isKernelName(file.kernel)) return undefined
  const params = Object.fromEntries(
    Object.entries(file.params ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  )
  const { v: _, name: __, revision: ___, ...library } = specFor(registry[file.kernel], { params }, LIBRARY[file.kernel])
  return library
}

/** `files` by name: what the author added beside the job file. A file is found by its path, or by its last part. */
export function jobFileDraft(text: string, files: JobFiles): Draft {
  const parsed = parseJobFile(text)
  if (!parsed.ok) return parsed
  const refs = new Map<string, BlobRef>()
  const blobs = new Map<ContentHash, FileBytes>()
  for (const path of filesOf(parsed.file)) {
    const bytes = files.get(path) ?? files.get(path.split('/').at(-1) ?? path)
    if (bytes === undefined) continue
    const ref = blobRef(bytes)
    refs.set(path, ref)
    blobs.set(ref.sha256, bytes)
  }
  try {
    const library = libraryPart(parsed.file)
    const built = toJobSpec(parsed.file, { blobs: refs, ...(library === undefined ? {} : { library }) })
    return built.ok ? { ok: true, spec: built.spec, blobs } : { ok: false, problems: placeIssues(built.issues, parsed.locate) }
  } catch (error) {
    if (!(error instanceof PeerComputeError)) throw error
    const path = error.place?.path?.split('.') ?? []
    return { ok: false, problems: [{ message: error.detail, path: path.join('.'), ...parsed.locate(path) }] }
  }
}
