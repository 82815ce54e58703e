/** What the researcher names on the command line → a specification, and the bytes that it refers to. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import {
  BLOB_MAX_BYTES,
  blobRef,
  PeerComputeError,
  type BlobRef,
  type ContentHash,
  type JobSpec,
  type ParamValue,
  type Plan
} from '@peercompute/job-specs'
import {
  didYouMean,
  filesOf,
  JOB_FILE_MAX_BYTES,
  parseJobFile,
  placeIssues,
  toJobSpec,
  type FieldPath,
  type JobFile,
  type JobFileProblem,
  type LibraryJob,
  type Locate
} from '@peercompute/job-specs/job-file'
import { isKernelName, kernelNames, specFor, type SpecOverrides } from '@peercompute/kernels'
import { loadKernel, type LibraryKernel } from '@peercompute/kernels/files'
import { excerpt } from '../output/explain-error.ts'

export interface LoadedJob {
  readonly spec: JobSpec
  /** Bytes of every program and input of the specification, by hash. */
  readonly blobs: ReadonlyMap<ContentHash, Uint8Array>
  /** What was read, for messages; a kernel's name when there is no file. */
  readonly source: string
  /** Where the job file left the rule of its verification to the planner. */
  readonly plan?: Plan | null
}

export interface LoadOptions {
  readonly params?: Readonly<Record<string, ParamValue>>
  readonly revision?: number
}

const JOB_FILES = ['job.yaml', 'job.yml', 'job.json']

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

/** The job file that a path means: the path itself, or the one in that folder. Undefined when there is nothing at the path. */
async function jobFileAt(target: string): Promise<string | undefined> {
  const found = await stat(target).catch((error: unknown) => {
    if (isAbsent(error)) return undefined
    throw new PeerComputeError('JOB_FILE_UNREADABLE', `${target}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  })
  if (found === undefined || !found.isDirectory()) return found === undefined ? undefined : target
  for (const name of JOB_FILES) {
    const path = join(target, name)
    if ((await stat(path).catch(() => undefined))?.isFile()) return path
  }
  throw new PeerComputeError('JOB_FILE_UNREADABLE', `The folder ${target} holds none of ${JOB_FILES.join(', ')}`)
}

async function readText(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > JOB_FILE_MAX_BYTES)
      throw new PeerComputeError('JOB_FILE_UNREADABLE', `${path} is larger than ${JOB_FILE_MAX_BYTES} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (cause) {
    if (cause instanceof PeerComputeError) throw cause
    const why = cause instanceof TypeError ? 'it is not UTF-8' : cause instanceof Error ? cause.message : String(cause)
    throw new PeerComputeError('JOB_FILE_UNREADABLE', `${path}: ${why}`, { cause })
  }
}

/** JOB_INVALID with every problem as a line, the first one's place, and its line of the file. */
function invalid(file: string, text: string, problems: readonly JobFileProblem[]): PeerComputeError {
  const [first] = problems
  const lines = problems.flatMap((problem) => [
    `${relative('', file)}:${problem.line}:${problem.column}: ${problem.message}`,
    ...excerpt(text, problem)
  ])
  const place = { file: relative('', file), ...(first === undefined ? {} : { line: first.line, column: first.column, path: first.path }) }
  return new PeerComputeError('JOB_INVALID', lines.join('\n'), { place })
}

async function readNamedFile(folder: string, path: string): Promise<Uint8Array | undefined> {
  const full = join(folder, path)
  const found = await stat(full).catch(() => undefined)
  if (!found?.isFile()) return undefined
  if (found.size > BLOB_MAX_BYTES) throw new PeerComputeError('BLOB_TOO_LARGE', `${full} has ${found.size} bytes`)
  return readFile(full)
}

async function libraryKernel(name: string): Promise<LibraryKernel | undefined> {
  return isKernelName(name) ? loadKernel(name) : undefined
}

function numbersOnly(params: Readonly<Record<string, ParamValue>>): SpecOverrides['params'] {
  const scalars: Record<string, number> = {}
  for (const [name, value] of Object.entries(params)) {
    if (typeof value !== 'number')
      throw new PeerComputeError('JOB_INVALID', `The parameter "${name}" must be a number, but is a list`, {
        place: { path: `params.${name}` }
      })
    scalars[name] = value
  }
  return scalars
}

/** A field path of an error's place, e.g. `params.n`. */
function fieldPath(text: string | undefined): FieldPath {
  return text === undefined || text === '' ? [] : text.split('.')
}

function libraryJob(kernel: LibraryKernel, file: JobFile, text: string, path: string, locate: Locate): LibraryJob {
  try {
    return specFor(kernel.manifest, { params: numbersOnly(file.params ?? {}) ?? {} }, kernel.programs)
  } catch (error) {
    if (!(error instanceof PeerComputeError)) throw error
    const field = fieldPath(error.place?.path)
    throw invalid(path, text, [{ message: error.detail, path: field.join('.'), ...locate(field) }])
  }
}

async function loadFile(path: string, options: LoadOptions): Promise<LoadedJob> {
  const text = await readText(path)
  const parsed = parseJobFile(text)
  if (!parsed.ok) throw invalid(path, text, parsed.problems)
  const file: JobFile = {
    ...parsed.file,
    ...(options.params === undefined ? {} : { params: { ...parsed.file.params, ...options.params } }),
    ...(options.revision === undefined ? {} : { revision: options.revision })
  }
  const kernel = typeof file.kernel === 'string' ? await libraryKernel(file.kernel) : undefined
  if (typeof file.kernel === 'string' && kernel === undefined) {
    const meant = didYouMean(file.kernel, kernelNames)
    const message = `"kernel" names "${file.kernel}", which is not in the library${meant === undefined ? `: it has ${kernelNames.join(', ')}` : `; did you mean "${meant}"?`}`
    throw invalid(path, text, [{ message, path: 'kernel', ...parsed.locate(['kernel']) }])
  }
  const blobs = new Map<ContentHash, Uint8Array>(kernel?.blobs)
  const refs = new Map<string, BlobRef>()
  for (const name of filesOf(file)) {
    const bytes = await readNamedFile(dirname(path), name)
    if (bytes === undefined) continue
    const ref = blobRef(bytes)
    refs.set(name, ref)
    blobs.set(ref.sha256, bytes)
  }
  const library = kernel && libraryJob(kernel, file, text, path, parsed.locate)
  const built = toJobSpec(file, { blobs: refs, ...(library === undefined ? {} : { library }) })
  if (!built.ok) throw invalid(path, text, placeIssues(built.issues, parsed.locate))
  return { spec: built.spec, blobs, source: path, plan: built.plan }
}

/**
 * `target`: a folder with a job file, a job file, or the name of a library kernel.
 * Rejects with JOB_FILE_UNREADABLE, JOB_INVALID (with the place in the file), BLOB_TOO_LARGE.
 */
export async function loadJob(target: string, options: LoadOptions = {}): Promise<LoadedJob> {
  const path = await jobFileAt(target)
  if (path !== undefined) return loadFile(path, options)
  const kernel = await libraryKernel(target)
  if (kernel === undefined) {
    const meant = didYouMean(target, kernelNames)
    throw new PeerComputeError(
      'JOB_FILE_UNREADABLE',
      `There is no file, folder or library kernel "${target}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`
    )
  }
  const params = numbersOnly(options.params ?? {}) ?? {}
  const spec = specFor(
    kernel.manifest,
    { params, ...(options.revision === undefined ? {} : { revision: options.revision }) },
    kernel.programs
  )
  return { spec, blobs: kernel.blobs, source: target }
}
