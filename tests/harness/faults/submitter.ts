/** A researcher's program under faults: it asks again until it is told yes or no, and everything that it was told goes into the history. */
import {
  blobRef,
  ERRORS,
  generateKeyPair,
  jobIdOf,
  PeerComputeError,
  resultRowSchema,
  signJobCommand,
  signSpec,
  submitAnswerSchema,
  utf8,
  type ErrorCode,
  type JobId,
  type JobSpec,
  type SignedSpec
} from '@peercompute/job-specs'
import { z } from 'zod'
import { lasting } from '../lasting.ts'
import type { History } from './history.ts'

const NAME = 'submitter'
/** Between two tries. Longer than a refused connection takes, shorter than a start. */
const AGAIN_MS = 100
const TRIES_MAX = 300
const PAGE_ROWS = 500
const PROGRAM = utf8('export default () => ({ value: [0] })')

export interface Submitter {
  /** Resolves when it was acknowledged. */
  submit(changes: Pick<JobSpec, 'unitCount'> & Partial<JobSpec>): Promise<JobId>
  cancel(job: JobId): Promise<void>
  /** Reads a page of settled units, once. Rejects when the coordinator is away. */
  read(job: JobId, from: number): Promise<void>
}

/** Values are one `u32` each, summed up; quorum 2 of independent hosts unless told otherwise. */
export function lightJob(name: string, changes: Pick<JobSpec, 'unitCount'> & Partial<JobSpec>): JobSpec {
  return {
    v: 1,
    name,
    title: name,
    description: '',
    researcher: '',
    revision: 1,
    kernel: { name: 'light', abi: 1, js: { blob: blobRef(PROGRAM) } },
    params: {},
    inputs: [],
    outputs: [{ name: 'value', type: 'u32', shape: [1] }],
    verification: { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 },
    reduce: { kind: 'sum', output: 'value' },
    limits: { unitSeconds: 1, outputBytes: 4, memoryBytes: 1_048_576 },
    unitOperations: 4.32e6,
    ...changes
  }
}

export async function createSubmitter(url: string, history: History): Promise<Submitter> {
  const author = await generateKeyPair({ extractable: true })
  let jobs = 0
  let commands = Date.now()

  const untilTold = async <T>(act: () => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await act()
      } catch (error) {
        const final = error instanceof PeerComputeError && ERRORS[error.code].status < 500 && error.code !== 'RATE_LIMITED'
        if (final || tries === TRIES_MAX) throw error
        await lasting(AGAIN_MS)
      }
    }
  }
  const submitOnce = async (signed: SignedSpec): Promise<void> => {
    const { missingBlobs } = submitAnswerSchema.parse(await call(`${url}/api/v1/jobs`, 'POST', signed))
    for (const hash of missingBlobs) await call(`${url}/api/v1/blobs/${hash}`, 'PUT', PROGRAM)
  }
  return {
    async submit(changes) {
      const signed = await signSpec(author, lightJob(`light-${(jobs += 1)}`, changes))
      const job = jobIdOf(author.publicKey, signed.spec)
      await untilTold(() =>
        history.perform(
          NAME,
          { op: 'submit', job },
          () => submitOnce(signed),
          () => ({})
        )
      )
      return job
    },
    cancel: async (job) => {
      await untilTold(async () => {
        const command = await signJobCommand(author, job, 'cancel', (commands += 1))
        await history.perform(
          NAME,
          { op: 'cancel', job },
          () => call(`${url}/api/v1/jobs/${job}/cancel`, 'POST', command),
          () => ({})
        )
      })
    },
    read: async (job, from) => {
      const page = z.object({ rows: z.array(resultRowSchema) })
      await history.perform(
        NAME,
        { op: 'read', job, from },
        async () => page.parse(await call(`${url}/api/v1/jobs/${job}/results?from=${from}&limit=${PAGE_ROWS}`, 'GET')),
        ({ rows }) => ({ settled: rows.map(({ unit, digest }) => ({ unit, digest })) })
      )
    }
  }
}

/** Rejects with the coordinator's code, or with whatever kept it from answering. */
async function call(url: string, method: string, body?: Uint8Array | object): Promise<unknown> {
  const bytes = body instanceof Uint8Array
  const answer = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : {
          body: bytes ? Buffer.from(body) : JSON.stringify(body),
          headers: { 'content-type': bytes ? 'application/octet-stream' : 'application/json' }
        })
  })
  if (answer.ok) return answer.status === 204 ? null : await answer.json().catch(() => null)
  const { code, detail } = z.object({ code: z.string(), detail: z.string().default('') }).parse(await answer.json())
  throw new PeerComputeError(Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INTERNAL', detail)
}
