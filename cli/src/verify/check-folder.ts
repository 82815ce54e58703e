/** Checks a downloaded folder: every file against the manifest, then receipts, values and rows side by side, unit by unit. */
import { createReadStream } from 'node:fs'
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PeerComputeError } from '@peercompute/job-specs'
import {
  exactLines,
  MANIFEST,
  MANIFEST_MAX_BYTES,
  manifestSchema,
  readableValues,
  readLine,
  receiptLineSchema,
  resultForms,
  resultLines,
  type DownloadCheck,
  type FileRole,
  type Manifest,
  type ReadUnit
} from '@peercompute/job-specs/download'
import { extentOf } from './hashed-file.ts'

interface FolderOptions {
  readonly onUnit?: (unit: ReadUnit) => void
  readonly signal: AbortSignal
}

async function readManifest(folder: string, check: DownloadCheck): Promise<Manifest | null> {
  const path = join(folder, MANIFEST)
  const size = (
    await lstat(path).catch((cause: unknown) => {
      throw new PeerComputeError('DOWNLOAD_UNREADABLE', `${folder} holds no ${MANIFEST}`, { cause })
    })
  ).size
  if (size > MANIFEST_MAX_BYTES)
    throw new PeerComputeError('DOWNLOAD_UNREADABLE', `${path} has ${size} bytes, ${MANIFEST_MAX_BYTES} at most`)
  const text = await readFile(path)
  try {
    const lines: string[] = []
    for await (const line of exactLines(once(text))) lines.push(line)
    // Two lines are no canonical JSON.
    const read = readLine(manifestSchema, lines.join('\n'))
    if (read.ok) return read.value
    check.fail('form', `${MANIFEST}${read.field === '' ? '' : `, ${read.field}`}`, read.why)
  } catch (error) {
    check.fail('form', MANIFEST, `it cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  return null
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Parts of one length; the last one is shorter when the file does not come out even. */
async function* partsOf(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0)
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    let from = 0
    for (; rest.length - from >= size; from += size) yield new Uint8Array(rest.subarray(from, from + size))
    rest = rest.subarray(from)
  }
  if (rest.length > 0) yield new Uint8Array(rest)
}

/** False when a file is missing. */
async function checkFiles(folder: string, { files }: Manifest, check: DownloadCheck, signal: AbortSignal): Promise<boolean> {
  let bytes = 0
  let whole = true
  for (const { name, role, bytes: size, sha256 } of files) {
    const found = await lstat(join(folder, name)).catch(() => null)
    if (found?.isFile() !== true) {
      check.fail('files', name, `it is in the manifest (${role}), and not in the folder`)
      whole = false
      continue
    }
    const extent = await extentOf(join(folder, name), signal)
    bytes += extent.bytes
    if (extent.bytes !== size) check.fail('files', name, `it has ${extent.bytes} bytes, the manifest says ${size}`)
    if (extent.sha256 !== sha256)
      check.fail('files', name, 'its SHA-256 is not the one in the manifest: the file, or the manifest, was changed')
  }
  for (const role of ['receipts', 'values'] as const)
    if (files.filter((file) => file.role === role).length !== 1) {
      check.fail('files', `${MANIFEST}, files`, `exactly one file must hold the ${role}`)
      whole = false
    }
  if (new Set(files.map(({ name }) => name)).size !== files.length) check.fail('files', `${MANIFEST}, files`, 'a file is named twice')
  check.note('files', `${files.length} files, ${bytes} bytes, SHA-256 of each`)
  return whole
}

/** Line by line against what values and receipts give. */
interface Rows {
  readonly name: string
  expect(line: string, place: string): Promise<void>
  end(): Promise<void>
}

function rowsOf(name: string, path: string, check: DownloadCheck, signal: AbortSignal): Rows {
  const lines = exactLines(createReadStream(path, { signal }))
  let number = 0
  const next = async (): Promise<string | null> => {
    number++
    try {
      const read = await lines.next()
      return read.done === true ? null : read.value
    } catch (error) {
      signal.throwIfAborted()
      check.fail('form', `${name}, line ${number}`, error instanceof Error ? error.message : 'it cannot be read')
      return null
    }
  }
  return {
    name,
    async expect(line, place) {
      const found = await next()
      if (found !== line)
        check.fail(
          'values',
          `${name}, line ${number}${place}`,
          found === null ? 'the line is missing' : 'it is not what value and receipt say'
        )
    },
    async end() {
      if ((await next()) !== null) check.fail('values', `${name}, line ${number}`, 'something follows the last unit')
    }
  }
}

/** Rejects with DOWNLOAD_UNREADABLE, and with the signal's reason. */
export async function checkFolder(folder: string, check: DownloadCheck, { onUnit, signal }: FolderOptions): Promise<void> {
  const manifest = await readManifest(folder, check)
  if (manifest === null) return
  const { job, signed, receipt, files } = manifest
  await check.head(job, signed, MANIFEST)
  if (await checkFiles(folder, manifest, check, signal)) await walk(manifest)
  await check.end(receipt, MANIFEST)

  async function walk(whole: Manifest): Promise<void> {
    const path = (role: FileRole) => join(folder, files.find((file) => file.role === role)?.name ?? '')
    const receiptsName = files.find(({ role }) => role === 'receipts')?.name ?? ''
    const valuesName = files.find(({ role }) => role === 'values')?.name ?? ''
    const values = partsOf(createReadStream(path('values'), { signal }), check.valueBytes ?? 1)
    const forms = resultForms.flatMap((form) =>
      files
        .filter(({ role }) => role === form)
        .map(({ name }) => ({ lines: resultLines(form, whole), rows: rowsOf(name, join(folder, name), check, signal) }))
    )
    for (const { lines, rows } of forms) for (const line of lines.before) await rows.expect(line, '')
    let number = 0
    try {
      for await (const line of exactLines(createReadStream(path('receipts'), { signal }))) {
        number++
        const place = `${receiptsName}, line ${number}`
        const part = await values.next()
        const value = part.done === true ? new Uint8Array(0) : part.value
        const read = readLine(receiptLineSchema, line)
        if (!read.ok) {
          check.fail('form', `${place}${read.field === '' ? '' : `, ${read.field}`}`, read.why)
          continue
        }
        const { leaf, receipt: unit } = read.value
        check.unit(leaf, unit, value, place, valuesName)
        if (value.length !== check.valueBytes) continue
        const readable = readableValues(signed.spec.outputs, value)
        for (const { lines, rows } of forms) await rows.expect(lines.row(unit, readable, number === 1), `, unit ${unit.unit}`)
        onUnit?.({ leaf, receipt: unit, value, values: readable })
      }
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error
      check.fail('form', `${receiptsName}, line ${number + 1}`, `it cannot be read: ${error.message}`)
    }
    if ((await values.next()).done !== true)
      check.fail('values', valuesName, 'it holds more than the values of the units that have receipts')
    for (const { lines, rows } of forms) {
      for (const line of lines.after) await rows.expect(line, '')
      await rows.end()
    }
  }
}
