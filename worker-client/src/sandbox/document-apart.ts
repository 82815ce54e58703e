/** The sandbox document, made by a process of its own: the compiler that strips its types takes 7 MiB for as long as a process lives. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { SandboxDocument } from './page.ts'

const DOCUMENT_MAX_BYTES = 4_194_304
const TIMEOUT_MS = 60_000

const documentSchema = z.strictObject({ html: z.string(), headers: z.record(z.string(), z.string()) })

/** Rejects when the process fails. */
export async function sandboxDocumentApart(): Promise<SandboxDocument> {
  const program = fileURLToPath(new URL('print-document.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program], { maxBuffer: DOCUMENT_MAX_BYTES, timeout: TIMEOUT_MS })
  return documentSchema.parse(JSON.parse(stdout))
}
