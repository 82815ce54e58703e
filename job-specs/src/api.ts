/** The HTTP API's shapes under `/api/v1`, shared by server, dashboard and CLI. OpenAPI is generated from these. */
import { z } from 'zod'
import {
  authorIdSchema,
  epochSchema,
  jobIdSchema,
  rootIdSchema,
  accountIdSchema,
  hostIdSchema,
  timestampSchema,
  unitIndexSchema,
  contentHashSchema
} from './ids.ts'
import { executorKindSchema } from './kernel.ts'
import { jobSpecSchema, jobStateSchema } from './job.ts'
import { reasonCodeSchema, unitFailureSchema } from './reasons.ts'
import { independenceSchema, reducedSchema, verificationSchema } from './verification.ts'
import { signedSpecSchema } from './signed-spec.ts'
import { coordinatorCertificateSchema } from './certificates.ts'

export const unitCountsSchema = z.object({
  waiting: z.int(),
  inProgress: z.int(),
  validating: z.int(),
  validated: z.int(),
  errored: z.int()
})
export type UnitCounts = z.infer<typeof unitCountsSchema>

export const jobSummarySchema = z.object({
  id: jobIdSchema,
  name: z.string(),
  title: z.string(),
  researcher: z.string(),
  author: authorIdSchema,
  /** A token stood for the author; the coordinator keeps the feed. */
  custodial: z.boolean(),
  state: jobStateSchema,
  /** It waits until the operator approves of its author. Absent when it does not. */
  held: z.literal(true).optional(),
  unitCount: z.int(),
  units: unitCountsSchema,
  submittedAt: timestampSchema,
  firstValidatedAt: timestampSchema.nullable(),
  endedAt: timestampSchema.nullable(),
  reduced: reducedSchema,
  independence: independenceSchema,
  verification: verificationSchema,
  /** True while every settled unit was settled by executors of one and the same machine. */
  sameMachine: z.boolean(),
  /** Executions so far over settled units; null before the first. */
  executionsPerUnit: z.number().nullable(),
  /** Validated units whose values were lost with an earlier database and are not in the results; `reduced` lacks them. Absent when none. */
  notHeld: z.int().min(1).optional()
})
export type JobSummary = z.infer<typeof jobSummarySchema>

export const jobDetailSchema = jobSummarySchema.extend({
  spec: jobSpecSchema,
  why: z.object({ code: reasonCodeSchema, sentence: z.string(), remedy: z.string() }),
  hosts: z.int(),
  /** Ranges [start, count] outside of which no unit is settled. Exact up to 1 000 of them; beyond, the last one covers the rest. */
  settledWithin: z.array(z.tuple([unitIndexSchema, z.int().min(1)])).max(1_000),
  failures: z.array(
    z.object({ reason: z.union([unitFailureSchema, reasonCodeSchema]), units: z.int(), message: z.string(), host: z.string() })
  )
})
export type JobDetail = z.infer<typeof jobDetailSchema>

export const jobPageSchema = z.object({ jobs: z.array(jobSummarySchema), next: z.string().nullable() })
export const submitBodySchema = z.union([signedSpecSchema, z.strictObject({ spec: jobSpecSchema })])
export const submitAnswerSchema = z.object({
  id: jobIdSchema,
  state: jobStateSchema,
  custodial: z.boolean(),
  /** False when the same job was already there. */
  created: z.boolean(),
  /** Blobs that the job needs and the coordinator lacks. The job waits for them in state `queued`. */
  missingBlobs: z.array(contentHashSchema)
})
export type SubmitAnswer = z.infer<typeof submitAnswerSchema>

/** One settled unit in `GET /jobs/{id}/results`. Values by output name. */
export const resultRowSchema = z.object({
  unit: unitIndexSchema,
  digest: contentHashSchema,
  settledAt: timestampSchema,
  values: z.record(z.string(), z.array(z.union([z.number(), z.string()]))),
  /** Keys of the hosts that agreed, with how and in which class. */
  votes: z.array(
    z.object({
      host: hostIdSchema,
      account: accountIdSchema,
      executor: executorKindSchema,
      numericClass: z.string(),
      epoch: epochSchema,
      verdict: z.enum(['canonical', 'agrees', 'rejected'])
    })
  ),
  independence: independenceSchema
})
export type ResultRow = z.infer<typeof resultRowSchema>

export const whySchema = z.object({
  code: reasonCodeSchema,
  sentence: z.string(),
  remedy: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number()]))
})
export type Why = z.infer<typeof whySchema>

export const hostViewSchema = z.object({
  host: hostIdSchema,
  account: accountIdSchema,
  label: z.string(),
  agent: z.string(),
  connected: z.boolean(),
  lastSeenAt: timestampSchema,
  executors: z.array(z.object({ kind: executorKindSchema, numericClass: z.string(), slots: z.int(), software: z.boolean() })),
  unitsHeld: z.int(),
  validated: z.int(),
  rejected: z.int(),
  failed: z.int(),
  microCredits: z.int()
})
export type HostView = z.infer<typeof hostViewSchema>

export const coordinatorInfoSchema = z.object({
  version: z.string(),
  certificate: coordinatorCertificateSchema,
  root: rootIdSchema,
  /** Addresses that a libp2p client dials. */
  peerId: z.string(),
  addresses: z.array(z.string()),
  /** Addresses of further relays, each ending in `/p2p/ID`, which go on when this one is away. */
  relays: z.array(z.string()).default([]),
  /** STUN and TURN servers that the operator named; none by default. */
  iceServers: z
    .array(
      z.object({ urls: z.union([z.string(), z.array(z.string())]), username: z.string().optional(), credential: z.string().optional() })
    )
    .default([]),
  protocols: z.array(z.string()),
  tokenRequired: z.boolean(),
  hosts: z.int(),
  jobs: z.int(),
  validatedUnits: z.int()
})
export type CoordinatorInfo = z.infer<typeof coordinatorInfoSchema>

/**
 * Server-sent events of `GET /api/v1/events`: `event: job` carries a JobSummary whenever one changed (at most 4/s for each
 * job), `event: units` the newly settled ranges of a job, `event: fleet` the counts of hosts.
 */
export const liveEventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('job'), data: jobSummarySchema }),
  z.object({
    event: z.literal('units'),
    data: z.object({ job: jobIdSchema, ranges: z.array(z.tuple([unitIndexSchema, z.int().min(1)])) })
  }),
  z.object({ event: z.literal('fleet'), data: z.object({ hosts: z.int(), computing: z.int(), validatedUnits: z.int() }) })
])
export type LiveEvent = z.infer<typeof liveEventSchema>
