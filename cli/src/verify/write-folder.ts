/** A download as it comes from the coordinator → a folder that can be verified. It is checked on the way: what does not hold is not kept. */
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PeerComputeError, type ContentHash, type JobReceipt } from '@peercompute/job-specs'
import {
  checkDownload,
  downloadLine,
  MANIFEST,
  resultLines,
  type CheckReport,
  type DownloadCheck,
  type DownloadFile,
  type FileRole,
  type ReadUnit,
  type ResultForm,
  type ResultLines
} from '@peercompute/job-specs/download'
import { createHashedFile, type HashedFile } from './hashed-file.ts'

const RECEIPTS = 'receipts.ndjson'
const VALUES = 'values.bin'

/** Refuses a folder that has something in it. */
async function makePlace(folder: string): Promise<string> {
  const temporary = `${folder.replace(/\/+$/, '')}.part`
  try {
    const present = await readdir(folder).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw error
    })
    if (present.length > 0) throw new PeerComputeError('CONFIG_INVALID', `--out ${folder}: the folder is not empty`)
    await rm(temporary, { recursive: true, force: true })
    await mkdir(temporary, { recursive: true })
    return temporary
  } catch (cause) {
    if (cause instanceof PeerComputeError) throw cause
    throw new PeerComputeError('CONFIG_INVALID', `--out ${folder}: ${cause instanceof Error ? cause.message : 'it cannot be written'}`, {
      cause
    })
  }
}

/** Rejects with DOWNLOAD_INVALID, CONFIG_INVALID; then there is no folder. */
export async function writeFolder(
  folder: string,
  stream: AsyncIterable<Uint8Array>,
  { form, check, signal }: { readonly form: ResultForm; readonly check: DownloadCheck; readonly signal: AbortSignal }
): Promise<CheckReport> {
  const place = await makePlace(folder)
  const names: Readonly<Record<FileRole, string>> = {
    receipts: RECEIPTS,
    values: VALUES,
    ndjson: 'results.ndjson',
    json: 'results.json',
    csv: 'results.csv'
  }
  const roles: readonly FileRole[] = ['receipts', 'values', form]
  const open = new Map<FileRole, HashedFile>(roles.map((role) => [role, createHashedFile(join(place, names[role]))]))
  const write = async (role: FileRole, part: string | Uint8Array): Promise<void> => open.get(role)?.write(part)
  let lines: ResultLines | null = null

  async function begin(): Promise<ResultLines | null> {
    if (lines !== null || check.signed === null || check.job === null) return lines
    lines = resultLines(form, { job: check.job, signed: check.signed })
    for (const line of lines.before) await write(form, `${line}\n`)
    return lines
  }
  let units = 0
  async function take({ leaf, receipt, value, values }: ReadUnit): Promise<void> {
    const rows = await begin()
    await write('receipts', downloadLine({ leaf, receipt }))
    await write('values', value)
    await write(form, `${rows?.row(receipt, values, units++ === 0) ?? ''}\n`)
  }
  async function close(receipt: JobReceipt): Promise<void> {
    const { job, signed } = check
    if (job === null || signed === null) return
    for (const line of (await begin())?.after ?? []) await write(form, `${line}\n`)
    const files: DownloadFile[] = []
    for (const [role, file] of open) {
      const { bytes, sha256 } = await file.end()
      files.push({ name: names[role], role, bytes, sha256: sha256 as ContentHash })
    }
    await writeFile(join(place, MANIFEST), downloadLine({ peercompute: 'folder', v: 1, job, signed, receipt, files }))
    // It may be there, and empty.
    await rmdir(folder).catch(() => undefined)
    await rename(place, folder)
  }

  try {
    await checkDownload(stream, check, { name: 'what the coordinator sent', onUnit: take, signal })
    const report = check.report()
    const failure = report.steps.find(({ verdict }) => verdict === 'fail')
    if (failure !== undefined || report.receipt === null) {
      const [first] = failure?.failures ?? []
      throw new PeerComputeError('DOWNLOAD_INVALID', `${first?.place ?? 'download'}: ${first?.why ?? 'it has no receipt'}`)
    }
    await close(report.receipt)
    return report
  } finally {
    for (const file of open.values()) file.abandon()
    await rm(place, { recursive: true, force: true })
  }
}
