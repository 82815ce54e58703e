/** What the HTTP API says of trust: how a job's units were decided, the results of one unit side by side, what is known of a host. */
import { z } from 'zod'
import { hostViewSchema } from './api.ts'
import { MAX_DIFFERENCE } from './difference.ts'
import { accountIdSchema, contentHashSchema, hostIdSchema, jobIdSchema, timestampSchema, unitIndexSchema } from './ids.ts'
import { executorKindSchema } from './kernel.ts'
import { independenceSchema, verificationSchema, type Comparator } from './verification.ts'

const countSchema = z.int().min(0)
const probabilitySchema = z.number().min(0).max(1)

/** Decimal logarithms of metric / bound: the first bin has all that is smaller, the last all that is larger. 0 is the bound. */
export const AGREEMENT_LOG_MIN = -8
export const AGREEMENT_LOG_MAX = 4
export const AGREEMENT_LOG_STEP = 0.5
export const AGREEMENT_BINS = (AGREEMENT_LOG_MAX - AGREEMENT_LOG_MIN) / AGREEMENT_LOG_STEP

/** Results beside the canonical one, by their distance from it in bounds. */
export const agreementHistogramSchema = z.object({
  /** Not a bit of difference. */
  identical: countSchema,
  bins: z.array(z.object({ agreeing: countSchema, rejected: countSchema })).length(AGREEMENT_BINS),
  /** Rejected, and no distance can be told: NaN against a number, or bytes that had to be equal. */
  incomparable: countSchema
})
export type AgreementHistogram = z.infer<typeof agreementHistogramSchema>

/** A unit that was given up because too few of its results agree. */
export const spreadSchema = z.object({
  unit: unitIndexSchema,
  at: timestampSchema,
  results: countSchema,
  /** Different values, by their bytes. */
  values: countSchema,
  /** Results that agree with the leading one, itself included. */
  leading: countSchema,
  /** Of the others, how far the nearest and the farthest are from the leading one, and how far they may be. Null: there is no other. */
  nearest: z.object({ metric: z.number(), bound: z.number() }).nullable(),
  farthest: z.object({ metric: z.number(), bound: z.number() }).nullable()
})
export type Spread = z.infer<typeof spreadSchema>

/** Inconclusive units that are remembered for each job, the newest. */
export const SPREADS_MAX = 64

export const jobTrustSchema = z.object({
  job: jobIdSchema,
  /** When a unit of this job is believed. */
  sentence: z.string(),
  verification: verificationSchema,
  independence: independenceSchema,
  /** Executions so far over settled units; null before the first. */
  executionsPerUnit: z.number().nullable(),
  settled: countSchema,
  /** Settled units that everything down to `histogram` is counted over: all of them, or a sample that is spread over the job. */
  counted: countSchema,
  /** That a settled value is wrong, by what was known of its hosts. Null before the first settled unit. */
  errorProbability: z.object({ mean: probabilitySchema, worst: probabilitySchema }).nullable(),
  /** Units with two or more agreeing results. */
  checkedTwice: countSchema,
  votes: z.object({ canonical: countSchema, agrees: countSchema, rejected: countSchema }),
  hosts: countSchema,
  accounts: countSchema,
  numericClasses: countSchema,
  histogram: agreementHistogramSchema,
  /** Settled units that were taken back since the coordinator started. */
  reopened: countSchema,
  /** Those of this run of the coordinator, the newest last. */
  inconclusive: z.array(spreadSchema).max(SPREADS_MAX),
  /** Estimated share of the fleet's executions by hosts that lie or are broken. */
  suspects: probabilitySchema
})
export type JobTrust = z.infer<typeof jobTrustSchema>

/** `undecided`: its unit was given up. */
export const verdictSchema = z.enum(['canonical', 'agrees', 'rejected', 'undecided'])
export type ReplicaVerdict = z.infer<typeof verdictSchema>

export const replicaSchema = z.object({
  host: hostIdSchema,
  account: accountIdSchema,
  executor: executorKindSchema,
  numericClass: z.string(),
  probeVersion: z.int(),
  verdict: verdictSchema,
  digest: contentHashSchema,
  /** Distance from the leading answer, and the one that is permitted, in the measure of the job's comparator. */
  metric: z.number(),
  bound: z.number(),
  /** The same in words. */
  difference: z.string(),
  seconds: z.number().min(0)
})
export type Replica = z.infer<typeof replicaSchema>

export const unitReplicasSchema = z.object({
  job: jobIdSchema,
  unit: unitIndexSchema,
  state: z.enum(['open', 'settled', 'inconclusive', 'errored', 'not_held']),
  /** Of a settled unit. Before, nothing of a value leaves the coordinator. */
  value: z
    .object({
      digest: contentHashSchema,
      outputs: z.record(z.string(), z.array(z.union([z.number(), z.string()]))),
      settledAt: timestampSchema,
      errorProbability: probabilitySchema
    })
    .nullable(),
  /** Empty while the unit is open. */
  replicas: z.array(replicaSchema),
  /** Results of an open unit that are there and sealed. */
  sealed: countSchema
})
export type UnitReplicas = z.infer<typeof unitReplicasSchema>

/** Elements of each output that are shown beside the replicas; downloads have them all. */
export const SHOWN_ELEMENTS_MAX = 64

/** From the best known to the least wanted. */
export const hostStandings = ['proven', 'earning', 'unknown', 'suspect', 'banned'] as const
export type HostStanding = (typeof hostStandings)[number]

export const hostReputationSchema = z.object({
  standing: z.enum(hostStandings),
  sentence: z.string(),
  remedy: z.string(),
  /** Results that were compared with independent ones; of those, agreements in a row (of the program with most), and lost votes. */
  checks: countSchema,
  passed: countSchema,
  failures: countSchema,
  /** Probability that a single answer is wrong, of the program with the largest; at most a half. */
  doubt: z.number().min(0).max(0.5),
  /** Null: it is not banned. */
  ban: z.object({ cause: z.enum(['collusion', 'errors']), at: timestampSchema, swept: z.boolean() }).nullable()
})
export type HostReputation = z.infer<typeof hostReputationSchema>

export const reputedHostSchema = hostViewSchema.extend({ reputation: hostReputationSchema })
export type ReputedHost = z.infer<typeof reputedHostSchema>

export const programReputationSchema = z.object({
  executor: executorKindSchema,
  program: contentHashSchema,
  checks: countSchema,
  passed: countSchema,
  failures: countSchema,
  doubt: z.number().min(0).max(0.5)
})
/** One for each program that the host has run. */
export const hostReputationDetailSchema = hostReputationSchema.extend({ host: hostIdSchema, programs: z.array(programReputationSchema) })
export type HostReputationDetail = z.infer<typeof hostReputationDetailSchema>

export const pardonAnswerSchema = z.object({ host: hostIdSchema, pardoned: z.boolean(), reputation: hostReputationSchema })
export type PardonAnswer = z.infer<typeof pardonAnswerSchema>

/** How far a result is from the leading answer, in words. */
export function differenceSentence(
  kind: Comparator['kind'],
  { metric, bound }: { readonly metric: number; readonly bound: number }
): string {
  if (metric === 0) return 'identical'
  if (metric >= MAX_DIFFERENCE) return 'cannot be compared'
  if (bound === 0) return `${metric === 1 ? '1 byte differs' : `${figure(metric)} bytes differ`}, none may`
  switch (kind) {
    case 'ulp':
      return `${figure(metric)} representable numbers apart, ${figure(bound)} permitted`
    case 'statistical':
      return `${figure(metric)} standard errors apart, ${figure(bound)} permitted`
    case 'tolerance':
      return metric <= bound ? `${figure(metric)} of what is permitted` : `${figure(metric)} times what is permitted`
    case 'custom':
    case 'exact':
      return `distance ${figure(metric)}, ${figure(bound)} permitted`
  }
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)))
}
