/**
 * Ledger records: the signed entries of a feed. The truth is the records; Yjs only carries them.
 *
 * Bytes of a record: 64 bytes Ed25519 signature, then the canonical JSON of the header and body. A reader must re-encode to the
 * same bytes. A record of an unknown `type`, or of a known type with a higher `v`, is valid, kept opaque and ignored:
 * yesterday's tab must live with tomorrow's coordinator.
 */
import { z } from 'zod'
import { concat, equalBytes, fromUtf8, type Bytes } from './bytes.ts'
import { canonicalBytes, digestHex, isCanonical, sha256Hex } from './canonical.ts'
import { coordinatorCertificateSchema, hostCertificateSchema } from './certificates.ts'
import { authorIdSchema, contentHashSchema, jobIdSchema, timestampSchema, unitIndexSchema, accountIdSchema } from './ids.ts'
import { signBytes, verifyBytes, type KeyPair } from './keys.ts'
import { signedSpecSchema } from './signed-spec.ts'
import { SNAPSHOT_MAX_BYTES } from './snapshot.ts'
import { independenceSchema } from './verification.ts'

export const RECORD_MAX_BYTES = 81_920
/** Characters of the reason of a revocation. */
export const REVOCATION_REASON_MAX = 200
/** Ranges that one `units.reopen` names: they fit into a record whatever their numbers. */
export const REOPEN_RANGES_MAX = 2_000
/** Ranges that one `ranges.settle` names, and accounts that one `credit.totals` names: a few kB, so that readers never have much to do at a stretch. */
export const SETTLE_RANGES_MAX = 32
export const CREDIT_TOTALS_MAX = 64
const SIGNATURE_BYTES = 64

/** Hash in the `prev` field of a feed's first record. */
export const NO_PREVIOUS = '0'.repeat(64)

const headerSchema = z.strictObject({
  v: z.int().min(1).max(65_535),
  type: z.string().regex(/^[a-z][a-z0-9-]{0,31}\.[a-z][a-z0-9-]{0,31}$/),
  author: authorIdSchema,
  /** A feed begins a new epoch when its head was lost; sequence numbers start again at 0. */
  epoch: z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  seq: z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  /** SHA-256 of the previous record's bytes. */
  prev: contentHashSchema,
  /** Author's clock. Advisory, never scored. */
  ts: timestampSchema,
  body: z.record(z.string(), z.unknown())
})
export type LedgerRecord = z.infer<typeof headerSchema>

function ascending(ranges: readonly (readonly [start: number, count: number, ...rest: unknown[]])[]): boolean {
  let free = 0
  for (const [start, count] of ranges) {
    if (start < free) return false
    free = start + count
  }
  return true
}

/** Bodies of the record types of version 1, by type. */
export const recordBodies = {
  /** First record of a feed: who writes it. `certificate` ties the installation to its account. */
  'feed.open': z.strictObject({ certificate: hostCertificateSchema }),
  /** First record of a coordinator's feed. */
  'coordinator.open': z.strictObject({ certificate: coordinatorCertificateSchema }),
  'job.publish': z.strictObject({ signed: signedSpecSchema }),
  'job.cancel': z.strictObject({ job: jobIdSchema }),
  /** Coordinator: the job is accepted. `custodial`: a token stood for the author and the coordinator keeps the feed. */
  'job.admit': z.strictObject({ job: jobIdSchema, signed: signedSpecSchema, custodial: z.boolean() }),
  /** Coordinator: digests of settled units `start … start + count − 1`: SHA-256 over their 32-byte digests, in order. */
  'units.settle': z.strictObject({
    job: jobIdSchema,
    start: unitIndexSchema,
    count: z.int().min(1),
    digest: contentHashSchema,
    independence: independenceSchema
  }),
  /** Coordinator: many `units.settle` of one job, as [start, count, digest]. */
  'ranges.settle': z.strictObject({
    job: jobIdSchema,
    independence: independenceSchema,
    ranges: z
      .array(z.tuple([unitIndexSchema, z.int().min(1), contentHashSchema]))
      .min(1)
      .max(SETTLE_RANGES_MAX)
      .refine(ascending, 'ranges must ascend and not overlap')
  }),
  'job.end': z.strictObject({
    job: jobIdSchema,
    state: z.enum(['completed', 'failed', 'cancelled']),
    settled: z.int().min(0),
    root: contentHashSchema
  }),
  /**
   * Coordinator: these units are no longer believed, as [start, count]. Every range said to be settled before this that holds one of them
   * counts no more; what of it is still believed is told again. A job that had ended goes on until its next `job.end`.
   */
  'units.reopen': z.strictObject({
    job: jobIdSchema,
    ranges: z
      .array(z.tuple([unitIndexSchema, z.int().min(1)]))
      .min(1)
      .max(REOPEN_RANGES_MAX)
  }),
  /**
   * Coordinator: the Merkle root over the receipts of the job's settled units, in unit order, and SHA-256 of the signed receipt of the job.
   * Said beside `job.end`, and again behind each checkpoint that tells of the job.
   */
  'job.receipt': z.strictObject({ job: jobIdSchema, root: contentHashSchema, units: z.int().min(0), receipt: contentHashSchema }),
  /** Coordinator: total credit of an account, in millionths. Replaces the earlier total, which may have been higher. */
  'credit.total': z.strictObject({ account: accountIdSchema, microCredits: z.int().min(0) }),
  /** Coordinator: many `credit.total`, as [account, microCredits], by account. */
  'credit.totals': z.strictObject({
    totals: z
      .array(z.tuple([accountIdSchema, z.int().min(0)]))
      .min(1)
      .max(CREDIT_TOTALS_MAX)
      .refine(
        (totals) => totals.every(([account], index) => index === 0 || (totals[index - 1]?.[0] ?? '') < account),
        'accounts must ascend'
      )
  }),
  /** Coordinator: nothing that this key has signed may run or be taken any more. */
  'key.revoke': z.strictObject({ key: authorIdSchema, reason: z.string().max(REVOCATION_REASON_MAX) }),
  /** Coordinator: this job must not run anywhere. Said again behind each checkpoint, so that it holds for ever. */
  'job.revoke': z.strictObject({ job: jobIdSchema, reason: z.string().max(REVOCATION_REASON_MAX) }),
  /** Coordinator: what its snapshot covers is summed up there. Stands right after `coordinator.open`, at the start of an epoch. */
  'ledger.checkpoint': z.strictObject({ snapshot: contentHashSchema, bytes: z.int().min(1).max(SNAPSHOT_MAX_BYTES) })
} as const
export type RecordType = keyof typeof recordBodies
export type RecordBody<T extends RecordType> = z.infer<(typeof recordBodies)[T]>

/** A record whose type and version this program knows, with its checked body. */
export type KnownRecord = { [T in RecordType]: Omit<LedgerRecord, 'type' | 'body'> & { type: T; body: RecordBody<T> } }[RecordType]

export interface RecordHead {
  readonly epoch: number
  readonly seq: number
  readonly hash: string
}

/** Signs the next record of a feed. `head` is null for the first record of an epoch. */
export async function encodeRecord<T extends RecordType>(
  author: KeyPair,
  position: { epoch: number; head: RecordHead | null },
  type: T,
  body: RecordBody<T>,
  ts: number
): Promise<Bytes> {
  const record = {
    v: 1,
    type,
    author: author.publicKey,
    epoch: position.epoch,
    seq: position.head === null ? 0 : position.head.seq + 1,
    prev: position.head?.hash ?? NO_PREVIOUS,
    ts,
    body
  }
  const payload = canonicalBytes(record)
  return concat([await signBytes(author, 'record', payload), payload])
}

export function recordHash(bytes: Uint8Array): string {
  return sha256Hex(bytes)
}

/** The same, for many. */
export function recordHashes(records: readonly Uint8Array[]): Promise<string[]> {
  return Promise.all(records.map((bytes) => digestHex(new Uint8Array(bytes))))
}

/** Structure only: size, canonical form, header. Null when the bytes are no record. The signature is not checked. */
export function decodeRecord(bytes: Uint8Array): LedgerRecord | null {
  if (bytes.length <= SIGNATURE_BYTES || bytes.length > RECORD_MAX_BYTES) return null
  const payload = bytes.subarray(SIGNATURE_BYTES)
  try {
    const text = fromUtf8(payload)
    const value: unknown = JSON.parse(text)
    const parsed = headerSchema.safeParse(value)
    if (!parsed.success) return null
    // What was parsed, not what was sent: zod drops a `__proto__` key, so the signature would hold with and without one.
    const canonical = isCanonical(text, value as object) ?? equalBytes(canonicalBytes(parsed.data), payload)
    return canonical ? parsed.data : null
  } catch {
    return null
  }
}

/** `record` must be what `decodeRecord` made of these bytes: it has seen that they are canonical. */
export async function verifyRecordSignature(bytes: Uint8Array, record: LedgerRecord): Promise<boolean> {
  return verifyBytes(record.author, 'record', bytes.subarray(SIGNATURE_BYTES), bytes.slice(0, SIGNATURE_BYTES))
}

/**
 * The typed form of a record, `'unknown'` when its type or version is not ours (keep it, ignore it),
 * or null when the body of a known type does not fit its schema (ignore it in the fold).
 */
export function interpretRecord(record: LedgerRecord): KnownRecord | 'unknown' | null {
  if (record.v !== 1 || !Object.hasOwn(recordBodies, record.type)) return 'unknown'
  const type = record.type as RecordType
  const body = recordBodies[type].safeParse(record.body)
  return body.success ? ({ ...record, type, body: body.data } as KnownRecord) : null
}
