/** Reading the embedded store: every row passes a schema, so that a damaged file is an error and not a wrong answer. */
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import {
  PeerComputeError,
  accountIdSchema,
  contentHashSchema,
  executorKindSchema,
  hostDescriptionSchema,
  hostIdSchema,
  jobIdSchema,
  jobStateSchema,
  reducedSchema,
  signedSpecSchema,
  unitFailureSchema,
  reasonCodeSchema
} from '@peercompute/job-specs'
import { unitMicroCredits, type StoredRows } from '../core/index.ts'
import type { HolderTable } from './holders.ts'
import { islands, settledRanges } from './settled-ranges.ts'
import { specText } from './spec-bytes.ts'

const parsed = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema)
const flag = z.int().transform((value) => value !== 0)
const failureSummary = z.object({ units: z.int(), message: z.string(), host: z.string() })

const pricingSchema = z.object({
  operations: z.array(z.number()),
  paid: z.array(z.tuple([accountIdSchema, z.int()])),
  hosts: z.array(z.tuple([hostIdSchema, z.int()])).default([])
})

const jobRowSchema = z
  .object({
    no: z.int(),
    id: jobIdSchema,
    // Versions 1 and 2 kept it as text.
    signed: z.union([z.string(), z.instanceof(Uint8Array).transform(specText)]).pipe(parsed(signedSpecSchema)),
    custodial: flag,
    submitted_at: z.int(),
    state: jobStateSchema,
    state_why: reasonCodeSchema.nullable(),
    held: flag,
    missing_blobs: parsed(z.array(contentHashSchema)),
    cursor: z.int(),
    next_epoch: z.int(),
    executions: z.int(),
    reduced: parsed(reducedSchema),
    first_settled_at: z.int().nullable(),
    ended_at: z.int().nullable(),
    retired: flag,
    settlers: parsed(z.array(hostIdSchema)),
    failures: parsed(z.array(z.tuple([z.union([unitFailureSchema, reasonCodeSchema]), failureSummary]))),
    reduce_anew: flag,
    // Null in rows of before there were prices: theirs was fixed by the specification.
    unit_micro_credits: z.int().nullable(),
    pricing: z.union([z.null(), parsed(pricingSchema)]),
    // Null in rows of before it was counted: then it is at most this.
    agreeing: z.int().nullable()
  })
  .transform((row) => ({
    no: row.no,
    id: row.id,
    signed: row.signed,
    custodial: row.custodial,
    submittedAt: row.submitted_at,
    state: row.state,
    stateWhy: row.state_why,
    held: row.held,
    missingBlobs: row.missing_blobs,
    cursor: row.cursor,
    nextEpoch: row.next_epoch,
    executions: row.executions,
    reduced: row.reduced,
    firstSettledAt: row.first_settled_at,
    endedAt: row.ended_at,
    retired: row.retired,
    settlers: row.settlers,
    failures: row.failures,
    reduceAnew: row.reduce_anew,
    unitMicroCredits: row.unit_micro_credits ?? unitMicroCredits(row.signed.spec.unitOperations),
    pricing: row.pricing,
    agreeing: row.agreeing ?? row.executions
  }))
const leaseRowSchema = z.object({
  job: z.int(),
  epoch: z.int(),
  start: z.int(),
  count: z.int(),
  holder: z.string(),
  deadline: z.int(),
  over: flag
})
const checkpointRowSchema = z.object({
  job: z.int(),
  unit: z.int(),
  epoch: z.int(),
  sha256: contentHashSchema,
  bytes: z.int(),
  holder: z.int(),
  numeric_class: z.string(),
  probe_version: z.int(),
  at: z.int()
})
const resultRowSchema = z.object({
  job: z.int(),
  unit: z.int(),
  epoch: z.int(),
  holder: z.string(),
  numeric_class: z.string(),
  probe_version: z.int(),
  digest: contentHashSchema,
  value: z.instanceof(Uint8Array),
  compute_ms: z.number(),
  at: z.int(),
  verified: flag
})
const failureRowSchema = z.object({
  job: z.int(),
  unit: z.int(),
  epoch: z.int(),
  holder: z.string(),
  reason: unitFailureSchema,
  message: z.string()
})
const rangeRowSchema = z.object({ job: z.int(), start: z.int(), count: z.int() })
const hostRowSchema = z
  .object({
    host: hostIdSchema,
    account: accountIdSchema,
    label: z.string(),
    description: parsed(hostDescriptionSchema),
    subnet: z.string(),
    last_seen_at: z.int(),
    validated: z.int(),
    rejected: z.int(),
    failed: z.int(),
    micro_credits: z.int()
  })
  .transform(({ last_seen_at: lastSeenAt, micro_credits: microCredits, ...row }) => ({ ...row, lastSeenAt, microCredits }))
const creditRowSchema = z.object({ account: accountIdSchema, micro_credits: z.int(), carried: z.int() })
const reputationRowSchema = z.object({
  host: hostIdSchema,
  executor: executorKindSchema,
  program: contentHashSchema,
  passed: z.int(),
  checks: z.int(),
  failures: z.int(),
  colluded: z.int()
})
const banRowSchema = z.object({ host: hostIdSchema, cause: z.enum(['collusion', 'errors']), at: z.int(), swept: flag })

/** Throws STORE_DAMAGED. */
export function loadRows(database: DatabaseSync, holders: HolderTable): StoredRows {
  const all = <T extends z.ZodType>(schema: T, query: string): z.infer<T>[] =>
    database
      .prepare(query)
      .all()
      .map((row) => {
        const parsed = schema.safeParse(row)
        if (parsed.success) return parsed.data
        throw unreadable(parsed.error)
      })
  const readable = <T>(read: () => T): T => {
    try {
      return read()
    } catch (cause) {
      if (!(cause instanceof z.ZodError)) throw cause
      throw unreadable(cause)
    }
  }
  const jobs = all(jobRowSchema, 'SELECT jobs.*, specs.signed FROM jobs JOIN specs ON specs.job = jobs.no ORDER BY no')
  const ids = new Map(jobs.map((job) => [job.no, job.id]))
  const ofJob = <Row extends { job: number }, Out>(rows: Row[], map: (job: (typeof jobs)[number]['id'], row: Row) => Out): Out[] =>
    rows.flatMap((row) => {
      const id = ids.get(row.job)
      return id === undefined ? [] : [map(id, row)]
    })
  return {
    jobs: jobs.map(({ no: _no, ...row }) => row),
    reputations: all(reputationRowSchema, 'SELECT * FROM reputations ORDER BY host, executor, program'),
    bans: all(banRowSchema, 'SELECT * FROM bans ORDER BY at, host'),
    leases: ofJob(all(leaseRowSchema, 'SELECT * FROM leases ORDER BY job, epoch'), (job, row) => ({
      ...row,
      job,
      holder: holders.parse(row.holder)
    })),
    results: ofJob(all(resultRowSchema, 'SELECT * FROM pending_results ORDER BY job, unit, at, epoch'), (job, row) => ({
      job,
      unit: row.unit,
      result: {
        epoch: row.epoch,
        holder: holders.parse(row.holder),
        numericClass: row.numeric_class,
        probeVersion: row.probe_version,
        digest: row.digest,
        value: row.value,
        computeMs: row.compute_ms,
        at: row.at,
        ...(row.verified ? { verified: true as const } : {})
      }
    })),
    failures: ofJob(
      all(failureRowSchema, 'SELECT * FROM failed_attempts ORDER BY job, unit, epoch'),
      (job, { unit, epoch, holder, reason, message }) => ({
        job,
        unit,
        attempt: { epoch, holder: holders.parse(holder), reason, message }
      })
    ),
    checkpoints: ofJob(all(checkpointRowSchema, 'SELECT * FROM checkpoints ORDER BY job, unit'), (job, row) => ({
      job,
      unit: row.unit,
      checkpoint: {
        epoch: row.epoch,
        sha256: row.sha256,
        bytes: row.bytes,
        by: holders.holder(row.holder),
        numericClass: row.numeric_class,
        probeVersion: row.probe_version,
        at: row.at
      }
    })),
    settled: ofJob(
      readable(() => settledRanges(database)),
      (job, { start, count }) => ({ job, start, count })
    ),
    notHeld: ofJob(all(rangeRowSchema, 'SELECT job, start, count FROM not_held ORDER BY job, start'), (job, { start, count }) => ({
      job,
      start,
      count
    })),
    errored: ofJob(all(rangeRowSchema, islands('errored')), (job, { start, count }) => ({ job, start, count })),
    hosts: all(hostRowSchema, 'SELECT * FROM hosts ORDER BY host'),
    credit: all(creditRowSchema, 'SELECT * FROM credit ORDER BY account').map(
      (row) => [row.account, row.micro_credits, row.carried] as const
    )
  }
}

function unreadable(cause: z.ZodError): PeerComputeError {
  return new PeerComputeError('STORE_DAMAGED', `a row of the database cannot be read: ${z.prettifyError(cause)}`, { cause })
}
