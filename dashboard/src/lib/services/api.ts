/** The coordinator's HTTP API, as far as the pages need it. Every path is written here and nowhere else. */
import {
  coordinatorInfoSchema,
  hostReputationDetailSchema,
  jobDetailSchema,
  jobPageSchema,
  jobTrustSchema,
  pardonAnswerSchema,
  reputedHostSchema,
  researcherDecisionSchema,
  researcherListSchema,
  resultRowSchema,
  submitAnswerSchema,
  unitIndexSchema,
  unitReplicasSchema,
  whySchema,
  type ContentHash,
  type HostReputationDetail,
  type JobAction,
  type JobCommand,
  type JobDetail,
  type JobTrust,
  type PardonAnswer,
  type ReputedHost,
  type ResearcherDecision,
  type ResearcherView,
  type ResultRow,
  type SignedSpec,
  type SubmitAnswer,
  type UnitReplicas,
  type Why
} from '@peercompute/job-specs'
import { decodeFrames, WORK_FRAME_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { z } from 'zod'
import { ask, hasToken, send } from './http.ts'

export const API = '/api/v1'
export const EVENTS_PATH = `${API}/events`
/** Most units whose values are asked for in one request. */
export const VALUE_UNITS_MAX = 4_096

const hostsSchema = z.object({ hosts: z.array(reputedHostSchema) })
const resultsSchema = z.object({ rows: z.array(resultRowSchema), next: z.int().nullable() })
export type JobPage = z.infer<typeof jobPageSchema>
export interface ResultPage {
  readonly rows: readonly ResultRow[]
  readonly next: number | null
}
export const resultFormats = ['ndjson', 'json', 'csv'] as const
export type ResultFormat = (typeof resultFormats)[number]
const valueHeaderSchema = z.object({ unit: unitIndexSchema })
export interface UnitValue {
  readonly unit: number
  readonly value: Uint8Array
}

export function getJobs(cursor: string | null, signal: AbortSignal): Promise<JobPage> {
  const query = new URLSearchParams({ limit: '50', ...(cursor === null ? {} : { cursor }) })
  return ask(`${API}/jobs?${query.toString()}`, jobPageSchema, { signal })
}

export const getJob = (id: string, signal: AbortSignal): Promise<JobDetail> => ask(`${API}/jobs/${id}`, jobDetailSchema, { signal })

export const getWhy = (id: string, unit: number, signal: AbortSignal): Promise<Why> =>
  ask(`${API}/jobs/${id}/why?unit=${unit}`, whySchema, { signal })

/** Settled units in unit order, from unit `from` on. */
export function getResults(id: string, from: number, limit: number, signal: AbortSignal): Promise<ResultPage> {
  return ask(`${API}/jobs/${id}/results?from=${from}&limit=${limit}`, resultsSchema, { signal })
}

/** Raw values of the settled units among `count` (at most 4096) from `start` on. */
export async function getValues(id: string, start: number, count: number, signal: AbortSignal): Promise<readonly UnitValue[]> {
  const response = await send(`${API}/jobs/${id}/values?start=${start}&count=${count}`, { signal })
  const frames = decodeFrames(new Uint8Array(await response.arrayBuffer()), WORK_FRAME_MAX_BYTES)
  return frames.map(({ message, attachment }) => ({ unit: valueHeaderSchema.parse(message).unit, value: attachment }))
}

/** With receipts and signatures, for the page "Verify" and `peercompute verify`. */
export const verifiedPath = (id: string): string => `${API}/jobs/${id}/download`

export const downloadPath = (id: string, format: ResultFormat): string => `${API}/jobs/${id}/results?format=${format}`

export async function getHosts(signal: AbortSignal): Promise<readonly ReputedHost[]> {
  return (await ask(`${API}/hosts`, hostsSchema, { signal })).hosts
}

export const getTrust = (id: string, signal: AbortSignal): Promise<JobTrust> => ask(`${API}/jobs/${id}/trust`, jobTrustSchema, { signal })

/** The results of one unit; of an open one only how many there are. */
export const getReplicas = (id: string, unit: number, signal: AbortSignal): Promise<UnitReplicas> =>
  ask(`${API}/jobs/${id}/units/${unit}`, unitReplicasSchema, { signal })

export const getReputation = (host: string, signal: AbortSignal): Promise<HostReputationDetail> =>
  ask(`${API}/hosts/${host}/reputation`, hostReputationDetailSchema, { signal })

/** Takes a banned host back; the operator's. */
export const pardonHost = (host: string): Promise<PardonAnswer> =>
  ask(`${API}/hosts/${host}/pardon`, pardonAnswerSchema, { method: 'POST' })

/** `command`: signed by the job's author; without one, a token or the coordinator's own machine is needed. */
export async function changeJob(id: string, action: JobAction, command: JobCommand | null): Promise<void> {
  await send(`${API}/jobs/${id}/${action}`, { method: 'POST', ...(command === null ? {} : { json: command }) })
}

export async function putBlob(hash: ContentHash, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
  await send(blobPath(hash), { method: 'PUT', bytes, signal })
}

export const blobPath = (hash: string): string => `${API}/blobs/${hash}`

/** Text of a program or table that the coordinator holds. */
export const blobText = async (hash: string, signal: AbortSignal): Promise<string> => (await send(blobPath(hash), { signal })).text()

export const submitJob = (signed: SignedSpec, signal: AbortSignal): Promise<SubmitAnswer> =>
  ask(`${API}/jobs`, submitAnswerSchema, { method: 'POST', json: signed, signal })

/** Whether this browser may try what only the operator may: it has a token, or is on the coordinator's own machine. */
export async function mayOperate(signal: AbortSignal): Promise<boolean> {
  return hasToken() || !(await ask(`${API}/coordinator`, coordinatorInfoSchema, { signal })).tokenRequired
}

export async function getResearchers(signal: AbortSignal): Promise<readonly ResearcherView[]> {
  return (await ask(`${API}/researchers`, researcherListSchema, { signal })).researchers
}

export const decideResearcher = (author: string, action: 'approve' | 'refuse'): Promise<ResearcherDecision> =>
  ask(`${API}/researchers/${author}/${action}`, researcherDecisionSchema, { method: 'POST' })
