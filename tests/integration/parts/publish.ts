/** Jobs handed to a coordinator over HTTP, signed by their author, without the checks of the command line in between. */
import {
  blobRef,
  generateKeyPair,
  signSpec,
  submitAnswerSchema,
  utf8,
  type Bytes,
  type ContentHash,
  type JobId,
  type JobSpec,
  type KeyPair,
  type SignedSpec
} from '@peercompute/job-specs'
import { specFor, type SpecOverrides } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'

export interface JobToPublish {
  readonly spec: JobSpec
  readonly blobs: ReadonlyMap<ContentHash, Uint8Array>
}

export interface PublishedJob {
  readonly id: JobId
  readonly author: KeyPair
}

/** n queens: `n²` units whose sum is known. Quorum 1 unless told otherwise, so that one host suffices. */
export async function queensJob(n: number, overrides: SpecOverrides = {}): Promise<JobToPublish> {
  const { manifest, programs, blobs } = await loadKernel('n-queens')
  const verification = { quorum: 1, independence: 'executor' as const }
  return { spec: specFor(manifest, { params: { n }, verification, ...overrides }, programs), blobs }
}

export interface OwnPrograms {
  readonly js?: string
  readonly wgsl?: string
}

/** A job with a kernel of its own that returns one `f32` for each of its two units, and is settled by one result. */
export function ownJob(name: string, { js, wgsl }: OwnPrograms, changes: Partial<JobSpec> = {}): JobToPublish {
  const blobs = new Map<ContentHash, Bytes>()
  const keep = (text: string) => {
    const bytes = utf8(text)
    const blob = blobRef(bytes)
    blobs.set(blob.sha256, bytes)
    return { blob }
  }
  return {
    blobs,
    spec: {
      v: 1,
      name,
      title: name,
      description: '',
      researcher: '',
      revision: 1,
      kernel: {
        name,
        abi: 1,
        ...(js === undefined ? {} : { js: keep(js) }),
        ...(wgsl === undefined ? {} : { wgsl: { ...keep(wgsl), passes: [{ entry: 'main', grid: [1, 1, 1], repeat: 1 }] } })
      },
      params: {},
      unitCount: 2,
      inputs: [],
      outputs: [{ name: 'y', type: 'f32', shape: [1] }],
      verification: { policy: 'quorum', quorum: 1, independence: 'executor', comparator: { kind: 'exact' }, maxResults: 2 },
      reduce: { kind: 'none' },
      limits: { unitSeconds: 10, outputBytes: 4, memoryBytes: 1_048_576 },
      unitOperations: 1,
      ...changes
    }
  }
}

export function postJob(
  url: string,
  body: SignedSpec | { readonly spec: unknown },
  headers: Readonly<Record<string, string>> = {}
): Promise<Response> {
  return fetch(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body)
  })
}

/** Signs, hands over, and uploads what is missing. */
export async function publish(url: string, { spec, blobs }: JobToPublish): Promise<PublishedJob> {
  const author = await generateKeyPair({ extractable: true })
  const response = await postJob(url, await signSpec(author, spec))
  if (!response.ok) throw new Error(await response.text())
  const { id, missingBlobs } = submitAnswerSchema.parse(await response.json())
  for (const hash of missingBlobs) {
    const bytes = blobs.get(hash)
    if (bytes === undefined) throw new Error(`The coordinator asks for blob ${hash}, which this job does not have`)
    const put = await fetch(`${url}/api/v1/blobs/${hash}`, { method: 'PUT', body: Buffer.from(bytes) })
    if (!put.ok) throw new Error(await put.text())
  }
  return { id, author }
}
