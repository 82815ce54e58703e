/** The coordinator's HTTP API, as far as the commands need it. Every path is written here and nowhere else. */
import {
  concat,
  coordinatorInfoSchema,
  hostReputationDetailSchema,
  jobDetailSchema,
  jobPageSchema,
  jobTrustSchema,
  reputedHostSchema,
  PeerComputeError,
  submitAnswerSchema,
  unitReplicasSchema,
  whySchema,
  type BlobRef,
  type CoordinatorInfo,
  type HostReputationDetail,
  type JobCommand,
  type JobDetail,
  type JobSpec,
  type JobSummary,
  type JobTrust,
  type ReputedHost,
  type SignedSpec,
  type SubmitAnswer,
  type UnitReplicas,
  type Why
} from '@peercompute/job-specs'
import { z } from 'zod'
import { ask, send, type HttpInit, type HttpRequest } from './http.ts'

const hostsSchema = z.object({ hosts: z.array(reputedHostSchema) })

export interface JobPage {
  readonly jobs: readonly JobSummary[]
  readonly next: string | null
}

/** Forms in which the coordinator streams all settled units. */
export type StreamFormat = 'ndjson' | 'csv'

/** Uploads may take long; they have no deadline of their own, only the command's signal. */
export interface ApiClient {
  info(): Promise<CoordinatorInfo>
  jobs(options: { readonly limit: number; readonly cursor?: string }): Promise<JobPage>
  job(id: string): Promise<JobDetail>
  /** Of the job, or of one of its units. */
  why(id: string, unit?: number): Promise<Why>
  whyHost(host: string): Promise<Why>
  hosts(): Promise<readonly ReputedHost[]>
  trust(job: string): Promise<JobTrust>
  replicas(job: string, unit: number): Promise<UnitReplicas>
  reputation(host: string): Promise<HostReputationDetail>
  /** Settled units in unit order: a ResultRow a line, or a table. Breaks off with an error, never silently. */
  results(id: string, format: StreamFormat): Promise<ReadableStream<Uint8Array>>
  /** Settled units with receipts, for `verify`. */
  download(id: string): Promise<ReadableStream<Uint8Array>>
  /** The bytes as they came: the caller checks them. Rejects with BLOB_NOT_FOUND. */
  blob(ref: BlobRef): Promise<Uint8Array>
  submit(body: SignedSpec | { readonly spec: JobSpec }): Promise<SubmitAnswer>
  putBlob(ref: BlobRef, bytes: Uint8Array): Promise<void>
  /** With a signed command of the author, or with none when a token stands for it. */
  command(job: string, action: JobCommand['action'], signed?: JobCommand): Promise<void>
  /** The stream of server-sent events about a job, open until `signal` aborts. */
  events(job: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>
}

export function createApiClient(init: HttpInit): ApiClient {
  const stream = async (path: string, request: HttpRequest) => (await send(init, path, request)).body ?? new ReadableStream<Uint8Array>()
  return {
    info: () => ask(init, '/coordinator', coordinatorInfoSchema),
    jobs: ({ limit, cursor }) => {
      const query = new URLSearchParams({ limit: String(limit), ...(cursor === undefined ? {} : { cursor }) })
      return ask(init, `/jobs?${query.toString()}`, jobPageSchema)
    },
    job: (id) => ask(init, `/jobs/${id}`, jobDetailSchema),
    why: (id, unit) => ask(init, `/jobs/${id}/why${unit === undefined ? '' : `?unit=${unit}`}`, whySchema),
    whyHost: (host) => ask(init, `/hosts/${host}/why`, whySchema),
    hosts: async () => (await ask(init, '/hosts', hostsSchema)).hosts,
    trust: (id) => ask(init, `/jobs/${id}/trust`, jobTrustSchema),
    replicas: (id, unit) => ask(init, `/jobs/${id}/units/${unit}`, unitReplicasSchema),
    reputation: (host) => ask(init, `/hosts/${host}/reputation`, hostReputationDetailSchema),
    results: (id, format) => stream(`/jobs/${id}/results?format=${format}`, { accept: '*/*', signal: init.signal }),
    download: (id) => stream(`/jobs/${id}/download`, { accept: '*/*', signal: init.signal }),
    blob: async (ref) => {
      const response = await send(init, `/blobs/${ref.sha256}`, { accept: '*/*', signal: init.signal })
      const parts: Uint8Array[] = []
      let size = 0
      for await (const part of response.body ?? []) {
        size += part.length
        if (size > ref.bytes) throw new PeerComputeError('BLOB_MISMATCH', `more than ${ref.bytes} bytes came for ${ref.sha256}`)
        parts.push(part)
      }
      return concat(parts)
    },
    submit: (json) => ask(init, '/jobs', submitAnswerSchema, { method: 'POST', json }),
    putBlob: async (ref, bytes) => {
      await send(init, `/blobs/${ref.sha256}`, { method: 'PUT', bytes: new Uint8Array(bytes), signal: init.signal })
    },
    command: async (job, action, signed) => {
      await send(init, `/jobs/${job}/${action}`, { method: 'POST', ...(signed === undefined ? {} : { json: signed }) })
    },
    events: (job, signal) => stream(`/events?job=${job}`, { accept: 'text/event-stream', signal })
  }
}
