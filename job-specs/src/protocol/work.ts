/**
 * `/peercompute/work/1`: leases and reports between one host and the coordinator. The same frames in both directions on a
 * libp2p stream; over HTTP a request's frames are answered by the response's frames.
 *
 * host: hello ─▶ coordinator: challenge ─▶ host: hello (signed over the challenge) ─▶ coordinator: welcome
 * then, in any order and any number: ask ─▶ work · report ─▶ ack · renew ─▶ renewed · release · checkpoint ─▶ checkpointed;
 * coordinator: stop (unasked).
 * Each request carries `id`; its answer repeats it.
 */
import { z } from 'zod'
import { coordinatorCertificateSchema, hostCertificateSchema } from '../certificates.ts'
import { capabilitySchema, hostDescriptionSchema } from '../host.ts'
import { CHECKPOINT_HANDED_MAX_BYTES } from '../checkpoint.ts'
import { authorIdSchema, contentHashSchema, epochSchema, jobIdSchema, signatureSchema, unitIndexSchema } from '../ids.ts'
import { executorKindSchema } from '../kernel.ts'
import { sign, verify, type KeyPair } from '../keys.ts'
import { LEASE_UNITS_MAX, leaseSchema } from '../lease.ts'
import { reasonCodeSchema } from '../reasons.ts'
import { reportAnswerSchema, reportSchema } from '../report.ts'
import { signedSpecSchema } from '../signed-spec.ts'

export const WORK_PROTOCOL = '/peercompute/work/1'
export const WORK_VERSION_MIN = 1
export const WORK_VERSION_MAX = 1
/** A host must have introduced itself within this time. */
export const HELLO_TIMEOUT_MS = 5_000

const requestId = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
const challengeSchema = z.string().regex(/^[A-Za-z0-9_-]{22}$/)

/** What the host signs to prove that it holds its key, here and now, to this coordinator. */
export const helloProofSchema = z.strictObject({ challenge: challengeSchema, sig: signatureSchema })

/** Beyond it even fast machines work for minutes. */
export const PROOF_OF_WORK_BITS_MAX = 26

/** What a host that is new to the coordinator does once before it is given work, where the operator wants it: see proof-of-work.ts. */
export const proofOfWorkTaskSchema = z.strictObject({ challenge: challengeSchema, bits: z.int().min(1).max(PROOF_OF_WORK_BITS_MAX) })
export type ProofOfWorkTask = z.infer<typeof proofOfWorkTaskSchema>

export const hostMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    id: requestId,
    minVersion: z.int().min(1).max(65_535),
    maxVersion: z.int().min(1).max(65_535),
    capabilities: z.array(capabilitySchema).max(32),
    certificate: hostCertificateSchema,
    host: hostDescriptionSchema,
    proof: helloProofSchema.optional(),
    /** HTTP only: the session of an earlier welcome, in place of a proof. */
    session: z.string().max(64).optional()
  }),
  z.strictObject({
    type: z.literal('ask'),
    id: requestId,
    executor: executorKindSchema,
    /** Most units wanted now. */
    units: z.int().min(1).max(LEASE_UNITS_MAX),
    /** Seconds of work wanted, by the host's own measure; the coordinator converts it into units. */
    seconds: z.number().min(0).max(86_400),
    /** Jobs whose specification the host already holds. */
    knownJobs: z.array(jobIdSchema).max(256),
    /** Solves the task of the welcome; with the first ask. */
    proofOfWork: z.int().min(0).optional()
  }),
  z.strictObject({ type: z.literal('report'), id: requestId, report: reportSchema }),
  z.strictObject({
    type: z.literal('renew'),
    id: requestId,
    leases: z
      .array(z.strictObject({ job: jobIdSchema, epoch: epochSchema }))
      .min(1)
      .max(256)
  }),
  /** Gives leased, unreported units back. */
  z.strictObject({ type: z.literal('release'), id: requestId, job: jobIdSchema, epoch: epochSchema }),
  /**
   * A saved state of a leased unit, attached, from which another host may go on when this one gives no result (capability `checkpoint`).
   * In the place of the one before.
   */
  z.strictObject({
    type: z.literal('checkpoint'),
    id: requestId,
    job: jobIdSchema,
    epoch: epochSchema,
    unit: unitIndexSchema,
    sha256: contentHashSchema,
    bytes: z.int().min(1).max(CHECKPOINT_HANDED_MAX_BYTES)
  })
])
export type HostMessage = z.infer<typeof hostMessageSchema>

/** A job as a host needs it: the author's signed spec, and the coordinator's word that it was admitted. */
export const leasedJobSchema = z.strictObject({
  job: jobIdSchema,
  signed: signedSpecSchema,
  admittedBy: authorIdSchema,
  /** Signature of `admittedBy` over `{job}` (purpose `lease-job`). */
  admission: signatureSchema
})
export type LeasedJob = z.infer<typeof leasedJobSchema>

export const coordinatorMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('challenge'), id: requestId, challenge: challengeSchema, certificate: coordinatorCertificateSchema }),
  z.strictObject({
    type: z.literal('welcome'),
    id: requestId,
    version: z.int().min(1).max(65_535),
    capabilities: z.array(capabilitySchema).max(32),
    session: z.string().max(64),
    /** To be solved before the first ask. */
    proofOfWork: proofOfWorkTaskSchema.optional()
  }),
  z.strictObject({
    type: z.literal('work'),
    id: requestId,
    leases: z.array(leaseSchema).max(64),
    jobs: z.array(leasedJobSchema).max(64),
    /** When there is nothing: how long to wait, and why. */
    retryAfterMs: z.int().min(0).max(3_600_000),
    why: reasonCodeSchema.optional()
  }),
  z.strictObject({
    type: z.literal('ack'),
    id: requestId,
    answers: z.array(z.strictObject({ unit: unitIndexSchema, answer: reportAnswerSchema })).max(256)
  }),
  z.strictObject({
    type: z.literal('renewed'),
    id: requestId,
    leases: z.array(z.strictObject({ job: jobIdSchema, epoch: epochSchema, durationMs: z.int().min(0).max(86_400_000) })).max(256)
  }),
  z.strictObject({ type: z.literal('released'), id: requestId }),
  /** `kept`: false when the coordinator has no use or no room for it. The host loses nothing by it. */
  z.strictObject({ type: z.literal('checkpointed'), id: requestId, kept: z.boolean() }),
  /** Unasked: stop computing this job now; with `epoch`, only that lease of it, because others were faster. */
  z.strictObject({ type: z.literal('stop'), job: jobIdSchema, epoch: epochSchema.optional(), why: reasonCodeSchema }),
  /** Unasked: work appeared; ask again. */
  z.strictObject({ type: z.literal('nudge') }),
  z.strictObject({ type: z.literal('error'), id: requestId, code: z.string().max(64), detail: z.string().max(1_000) })
])
export type CoordinatorMessage = z.infer<typeof coordinatorMessageSchema>

export function signHello(host: KeyPair, coordinatorRoot: string, challenge: string): Promise<string> {
  return sign(host, 'hello', { challenge, root: coordinatorRoot })
}

export function verifyHello(host: string, coordinatorRoot: string, challenge: string, signature: string): Promise<boolean> {
  return verify(host, 'hello', { challenge, root: coordinatorRoot }, signature)
}

export function signAdmission(operational: KeyPair, job: string): Promise<string> {
  return sign(operational, 'lease-job', { job })
}

export function verifyAdmission(operational: string, job: string, signature: string): Promise<boolean> {
  return verify(operational, 'lease-job', { job }, signature)
}
