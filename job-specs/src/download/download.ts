/**
 * A download that anybody can check without a coordinator.
 *
 * One file (`.ndjson`): a head, a line for each settled unit in unit order, and an end. A folder holds the same as files: `manifest.json`
 * (head, end, and a hash for each file), `receipts.ndjson`, `values.bin` (values in unit order, each as long as the outputs), and the rows
 * in the form that was asked for. Every line is canonical JSON (RFC 8785) with one line feed, so that no byte is without meaning.
 */
import { z } from 'zod'
import { canonicalBytes, isCanonical } from '../canonical.ts'
import { fromUtf8 } from '../bytes.ts'
import { contentHashSchema, jobIdSchema } from '../ids.ts'
import { UNIT_VALUE_MAX_BYTES } from '../job.ts'
import { jobReceiptSchema, unitReceiptSchema } from '../receipt.ts'
import { signedSpecSchema } from '../signed-spec.ts'

/** f32 elements in decimal take up to 23 characters each, comma included, and the bytes once more 4/3; the receipt takes a few kilobytes. */
export const LINE_MAX_CHARS = UNIT_VALUE_MAX_BYTES * 8 + 65_536
/** The specification, a receipt of the job and a few files. */
export const MANIFEST_MAX_BYTES = 262_144

export const downloadHeadSchema = z.strictObject({
  peercompute: z.literal('download'),
  v: z.literal(1),
  job: jobIdSchema,
  signed: signedSpecSchema
})
export type DownloadHead = z.infer<typeof downloadHeadSchema>

/** Elements by output name. NaN and the infinities are words, as in the results of the API. */
const readableSchema = z.record(z.string().max(32), z.array(z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])])))

export const downloadUnitSchema = z.strictObject({
  /** Leaf hash of the receipt: tells which unit was changed when the root does not hold. */
  leaf: contentHashSchema,
  receipt: unitReceiptSchema,
  /** The value's bytes in base64url. */
  value: z.string().max(Math.ceil((UNIT_VALUE_MAX_BYTES * 4) / 3)),
  values: readableSchema
})
export type DownloadUnit = z.infer<typeof downloadUnitSchema>

export const downloadEndSchema = z.strictObject({ receipt: jobReceiptSchema })
export type DownloadEnd = z.infer<typeof downloadEndSchema>

/** A line of `receipts.ndjson`. */
export const receiptLineSchema = downloadUnitSchema.pick({ leaf: true, receipt: true })

export const fileRoles = ['receipts', 'values', 'ndjson', 'json', 'csv'] as const
export type FileRole = (typeof fileRoles)[number]

export const downloadFileSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,99}$/, 'must be a plain file name'),
  role: z.enum(fileRoles),
  bytes: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  sha256: contentHashSchema
})
export type DownloadFile = z.infer<typeof downloadFileSchema>

export const MANIFEST = 'manifest.json'
export const manifestSchema = z.strictObject({
  peercompute: z.literal('folder'),
  v: z.literal(1),
  job: jobIdSchema,
  signed: signedSpecSchema,
  receipt: jobReceiptSchema,
  files: z.array(downloadFileSchema).min(2).max(8)
})
export type Manifest = z.infer<typeof manifestSchema>

/** A line of a download, line feed included. */
export function downloadLine(value: DownloadHead | DownloadUnit | DownloadEnd | Manifest | z.infer<typeof receiptLineSchema>): string {
  return `${fromUtf8(canonicalBytes(value))}\n`
}

export type ReadLine<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly field: string; readonly why: string }

/** `text`: without its line feed. What is not exactly as `downloadLine` writes it is refused, with the field where one is to blame. */
export function readLine<T extends object>(schema: z.ZodType<T>, text: string): ReadLine<T> {
  if (text.length > LINE_MAX_CHARS)
    return { ok: false, field: '', why: `the line has ${text.length} characters, ${LINE_MAX_CHARS} at most` }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { ok: false, field: '', why: 'it is no JSON' }
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const path = [...(issue?.path ?? []).map(String), ...(issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])]
    return { ok: false, field: path.join('.'), why: issue?.message ?? 'it has another form' }
  }
  return isWrittenCanonically(text, json, parsed.data)
    ? { ok: true, value: parsed.data }
    : { ok: false, field: '', why: 'it is not in canonical form (RFC 8785): it was changed by hand or by another program' }
}

/** `parsed` lacks what zod drops without a word (`__proto__`). */
function isWrittenCanonically(text: string, json: unknown, parsed: object): boolean {
  if (typeof json !== 'object' || json === null) return false
  try {
    return isCanonical(text, json) ?? fromUtf8(canonicalBytes(parsed)) === text
  } catch {
    return false // Half of a surrogate pair.
  }
}
