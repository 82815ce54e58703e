/**
 * A snapshot: what the ledger said up to a checkpoint, so that a newcomer reads one compressed file instead of all history.
 * The coordinator signs its hash in a `ledger.checkpoint` record; the bytes travel between peers and are checked against it.
 *
 * Bytes: gzip of the canonical JSON. The hash is over the bytes as they travel, so no two compressors need to agree.
 */
import { z } from 'zod'
import { canonicalBytes } from './canonical.ts'
import { fromUtf8, type Bytes } from './bytes.ts'
import { accountIdSchema, authorIdSchema, contentHashSchema, rootIdSchema, unitIndexSchema } from './ids.ts'
import { signedSpecSchema } from './signed-spec.ts'

/** Compressed, as it travels: fits into one ledger frame. */
export const SNAPSHOT_MAX_BYTES = 2_088_960
/** Decompressed. */
export const SNAPSHOT_TEXT_MAX_BYTES = 33_554_432

const feedEpochSchema = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)

export const settledRangeSchema = z.strictObject({
  start: unitIndexSchema,
  count: z.int().min(1),
  digest: contentHashSchema,
  independence: z.enum(['executor', 'host', 'owner', 'subnet'])
})

export const snapshotJobSchema = z.strictObject({
  signed: signedSpecSchema,
  publishedBy: authorIdSchema.nullable(),
  admitted: z.boolean(),
  custodial: z.boolean(),
  cancelled: z.boolean(),
  ended: z
    .strictObject({ state: z.enum(['completed', 'failed', 'cancelled']), settled: z.int().min(0), root: contentHashSchema })
    .nullable(),
  /** Adjacent ranges are joined up to SNAPSHOT_RANGE_UNITS; each digest is over the units' digests, as in `units.settle`. */
  settled: z.array(settledRangeSchema).max(100_000)
})

/** Settled units are summed up in aligned blocks of this many, so that a full block's digest never changes. */
export const SNAPSHOT_RANGE_UNITS = 65_536

export const ledgerSnapshotSchema = z.strictObject({
  v: z.literal(1),
  root: rootIdSchema,
  /** The first `length` records of these feeds are summed up here; `hash` is that of the last of them. */
  covers: z
    .array(z.strictObject({ author: authorIdSchema, epoch: feedEpochSchema, length: z.int().min(1), hash: contentHashSchema }))
    .max(65_536),
  coordinators: z.array(z.strictObject({ key: authorIdSchema, serial: z.int().min(1) })).max(1_024),
  revoked: z.array(authorIdSchema).max(65_536),
  jobs: z.array(snapshotJobSchema).max(65_536),
  /** Jobs that ended long ago and are no longer told one by one. */
  retired: z.strictObject({ jobs: z.int().min(0), units: z.int().min(0) }),
  credit: z.array(z.strictObject({ account: accountIdSchema, microCredits: z.int().min(0) })).max(1_000_000)
})
export type LedgerSnapshot = z.infer<typeof ledgerSnapshotSchema>
export type SnapshotJob = z.infer<typeof snapshotJobSchema>

/** Rejects nothing: a snapshot of ours always fits its schema. The caller checks the size against SNAPSHOT_MAX_BYTES. */
export async function encodeSnapshot(snapshot: LedgerSnapshot): Promise<Bytes> {
  const text = new Blob([canonicalBytes(snapshot)])
  return new Uint8Array(await new Response(text.stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer())
}

/** Null when the bytes are no snapshot, or larger than allowed, compressed or not. Never holds more than the two limits. */
export async function decodeSnapshot(bytes: Uint8Array): Promise<LedgerSnapshot | null> {
  if (bytes.length > SNAPSHOT_MAX_BYTES) return null
  try {
    const text = await gunzipAtMost(bytes, SNAPSHOT_TEXT_MAX_BYTES)
    return text === null ? null : (ledgerSnapshotSchema.safeParse(JSON.parse(fromUtf8(text))).data ?? null)
  } catch {
    return null
  }
}

async function gunzipAtMost(bytes: Uint8Array, limit: number): Promise<Uint8Array | null> {
  const reader = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream('gzip')).getReader()
  const parts: Uint8Array<ArrayBuffer>[] = []
  let length = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += part.value.length
    if (length > limit) {
      await reader.cancel()
      return null
    }
    parts.push(part.value)
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}
