/** What a backup holds: every file with its size and SHA-256. Written last, so a folder without one is no backup. */
import { open } from 'node:fs/promises'
import { rootIdSchema, PeerComputeError } from '@peercompute/job-specs'
import { z } from 'zod'
import { errorMessage } from '../config/error-code.ts'

export const MANIFEST_NAME = 'manifest.json'
/** A million files. */
const MANIFEST_MAX_BYTES = 268_435_456

/** Never leaves the folder, and names nothing of the operating system's. */
const pathSchema = z.string().regex(/^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*){0,3}$/)

export const manifestSchema = z.strictObject({
  v: z.literal(1),
  /** Version of the program that wrote it. */
  program: z.string().max(64),
  /** Epoch ms at which the database was copied. */
  at: z.int().min(0),
  /** Of the coordinator. */
  root: rootIdSchema,
  jobs: z.int().min(0),
  settledUnits: z.int().min(0),
  files: z.array(z.strictObject({ path: pathSchema, bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) })).max(2_000_000)
})
export type Manifest = z.infer<typeof manifestSchema>
export type ManifestFile = Manifest['files'][number]

/** Throws BACKUP_INVALID. */
export async function readManifest(path: string): Promise<Manifest> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    if (size > MANIFEST_MAX_BYTES) throw new RangeError(`${size} bytes, allowed are ${MANIFEST_MAX_BYTES}`)
    return manifestSchema.parse(JSON.parse(await file.readFile('utf8')))
  } catch (cause) {
    const detail = cause instanceof z.ZodError ? z.prettifyError(cause).split('\n', 1)[0] : errorMessage(cause)
    throw new PeerComputeError('BACKUP_INVALID', `${path}: ${detail ?? 'it cannot be read'}`, { cause })
  }
}
