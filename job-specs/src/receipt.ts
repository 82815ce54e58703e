/**
 * Receipts: what was settled, by whom and why it is believed, in a form that anybody can check years later without this coordinator.
 *
 *   value ─ digest → unit receipt ─ leaf → Merkle tree over the settled units, in unit order ─ root → job receipt
 *   job receipt ─ signature → operational key ─ certificate → root key
 *
 * Network addresses are never in a receipt: that results came from different networks is the coordinator's word.
 */
import { z } from 'zod'
import { type Bytes } from './bytes.ts'
import { canonicalBytes, sha256Hex, signingInput } from './canonical.ts'
import { coordinatorCertificateSchema } from './certificates.ts'
import { numericClassSchema } from './host.ts'
import {
  accountIdSchema,
  authorIdSchema,
  contentHashSchema,
  epochSchema,
  hostIdSchema,
  jobIdSchema,
  signatureSchema,
  timestampSchema,
  unitIndexSchema,
  type ContentHash
} from './ids.ts'
import { jobStateSchema, type JobSpec } from './job.ts'
import { executorKindSchema } from './kernel.ts'
import { sign, verify, type KeyPair } from './keys.ts'
import { MERKLE_DEPTH_MAX, merkleLeaf } from './merkle.ts'
import { independenceSchema, MAX_RESULTS_MAX, reducedSchema, verificationSchema } from './verification.ts'

const probabilitySchema = z.number().min(0).max(1)
const countSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER)

export const receiptVoteSchema = z.strictObject({
  host: hostIdSchema,
  account: accountIdSchema,
  executor: executorKindSchema,
  numericClass: numericClassSchema,
  probeVersion: z.int().min(1).max(1_000_000),
  /** Of the lease under which it was computed. */
  epoch: epochSchema,
  /** `canonical`: its value is the one that was settled. */
  verdict: z.enum(['canonical', 'agrees', 'rejected']),
  digest: contentHashSchema,
  /** Distance from the canonical value, and the one that was allowed, in the measure of the job's comparator. */
  metric: z.number().min(0),
  bound: z.number().min(0)
})
export type ReceiptVote = z.infer<typeof receiptVoteSchema>

/** Programs of the kernel, by the kind of executor that runs them. */
const kernelHashesSchema = z.strictObject({
  wgsl: contentHashSchema.optional(),
  wasm: contentHashSchema.optional(),
  js: contentHashSchema.optional()
})

export const unitReceiptSchema = z.strictObject({
  v: z.literal(1),
  job: jobIdSchema,
  /** SHA-256 of the specification's canonical bytes. */
  spec: contentHashSchema,
  kernel: kernelHashesSchema,
  /** Of the inputs, in the order of the specification. */
  inputs: z.array(contentHashSchema).max(8),
  unit: unitIndexSchema,
  /** SHA-256 of the value's bytes. */
  digest: contentHashSchema,
  votes: z
    .array(receiptVoteSchema)
    .min(1)
    .max(MAX_RESULTS_MAX * 4),
  /** What any two agreeing results have not in common. */
  independence: independenceSchema,
  policy: verificationSchema,
  /** That the value is wrong, by what was known of the hosts when it was settled. */
  errorProbability: probabilitySchema,
  /** Coordinator's clock. */
  settledAt: timestampSchema
})
export type UnitReceipt = z.infer<typeof unitReceiptSchema>

/** SHA-256 of the specification's canonical bytes. */
export function specHash(spec: JobSpec): ContentHash {
  return sha256Hex(canonicalBytes(spec)) as ContentHash
}

/** What the receipts of all units of a job have in common. */
export type ReceiptBase = Pick<UnitReceipt, 'v' | 'job' | 'spec' | 'kernel' | 'inputs' | 'independence' | 'policy'>

export function receiptBase(job: UnitReceipt['job'], spec: JobSpec): ReceiptBase {
  const { wgsl, wasm, js } = spec.kernel
  return {
    v: 1,
    job,
    spec: specHash(spec),
    kernel: {
      ...(wgsl === undefined ? {} : { wgsl: wgsl.blob.sha256 }),
      ...(wasm === undefined ? {} : { wasm: wasm.blob.sha256 }),
      ...(js === undefined ? {} : { js: js.blob.sha256 })
    },
    inputs: spec.inputs.map(({ blob }) => blob.sha256),
    independence: spec.verification.independence,
    policy: spec.verification
  }
}

/** The leaf hash of a unit: `merkleLeaf` over `peercompute/unit-receipt/1` NUL and the canonical bytes. */
export function receiptLeaf(receipt: UnitReceipt): Bytes {
  return merkleLeaf(signingInput('unit-receipt', receipt))
}

/** Counted over the unit receipts that are under the root. */
export const jobReceiptBodySchema = z.strictObject({
  v: z.literal(1),
  job: jobIdSchema,
  spec: contentHashSchema,
  author: authorIdSchema,
  state: jobStateSchema,
  /** The job goes on: units will be added, and may still be taken back. */
  provisional: z.boolean(),
  unitCount: countSchema,
  /** Unit receipts under the root. */
  settled: countSchema,
  /** Units given up. */
  errored: countSchema,
  /** Units settled before an earlier database was lost: they have no receipts. */
  notHeld: countSchema,
  root: contentHashSchema,
  /** Results behind the settled units, rejected ones included; for each of them; null before the first. */
  executions: countSchema,
  executionsPerUnit: z.number().min(0).nullable(),
  policy: verificationSchema,
  /** Over the settled units: the sum in unit order divided by their number, and the largest; null before the first. */
  errorProbability: z.strictObject({ mean: probabilitySchema, worst: probabilitySchema }).nullable(),
  /** How many different ones have had a part. */
  hosts: countSchema,
  accounts: countSchema,
  numericClasses: countSchema,
  reduced: reducedSchema,
  /** Millionths of a credit for each result that agrees, and for all of them. */
  unitMicroCredits: countSchema,
  microCredits: countSchema,
  /** Coordinator's clock: submitted, and ended. */
  startedAt: timestampSchema,
  endedAt: timestampSchema.nullable(),
  certificate: coordinatorCertificateSchema
})
export type JobReceiptBody = z.infer<typeof jobReceiptBodySchema>

export const jobReceiptSchema = jobReceiptBodySchema.extend({ sig: signatureSchema })
export type JobReceipt = z.infer<typeof jobReceiptSchema>

/** `operational`: the key that `body.certificate` certifies. */
export async function signJobReceipt(operational: KeyPair, body: JobReceiptBody): Promise<JobReceipt> {
  return { ...body, sig: await sign(operational, 'receipt', body) }
}

/** Whether the operational key of its certificate has signed it. What the certificate is worth is another question. */
export async function verifyJobReceipt({ sig, ...body }: JobReceipt): Promise<boolean> {
  return verify(body.certificate.operational, 'receipt', body, sig)
}

const proofSchema = z.strictObject({
  index: countSchema,
  size: countSchema,
  /** Roots of its neighbours, the nearest first. */
  path: z.array(contentHashSchema).max(MERKLE_DEPTH_MAX)
})

/**
 * The receipt of one unit with what ties it to the coordinator: its place under the signed root of an ended job, or, while the job goes on,
 * a signature of its own.
 */
export const provenUnitSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('proof'), receipt: unitReceiptSchema, proof: proofSchema, job: jobReceiptSchema }),
  z.strictObject({
    kind: z.literal('signed'),
    receipt: unitReceiptSchema,
    certificate: coordinatorCertificateSchema,
    /** Over `receipt`, purpose `unit-receipt`. */
    sig: signatureSchema
  })
])
export type ProvenUnit = z.infer<typeof provenUnitSchema>

export async function signUnitReceipt(operational: KeyPair, receipt: UnitReceipt): Promise<string> {
  return sign(operational, 'unit-receipt', receipt)
}
