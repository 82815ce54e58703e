/** Reads a download in one file, line by line. */
import { fromBase64Url, toBase64Url } from '../bytes.ts'
import type { z } from 'zod'
import { DownloadCheck } from './download-check.ts'
import { downloadEndSchema, downloadHeadSchema, downloadUnitSchema, LINE_MAX_CHARS, readLine, type DownloadUnit } from './download.ts'
import { readableDifference } from './readable-values.ts'

/**
 * Lines without their line feeds. Throws TypeError when the bytes are no UTF-8, and RangeError when a line does not end, be it for its
 * length or because the file is over: whoever cut it off, or added to it, is found out.
 */
export async function* exactLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  // A byte order mark is a change like any other.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > LINE_MAX_CHARS) throw new RangeError(`a line has more than ${LINE_MAX_CHARS} characters`)
    yield* parts
  }
  rest += decoder.decode()
  if (rest !== '') throw new RangeError('the last line does not end with a line feed: the file is cut off, or something was added')
}

/** A unit of a download with the bytes of its value. */
export type ReadUnit = Omit<DownloadUnit, 'value'> & { readonly value: Uint8Array }

export interface ReadOptions {
  /** What the file is called in messages. */
  readonly name: string
  /** Called for each unit that could be read. */
  readonly onUnit?: (unit: ReadUnit) => void | Promise<void>
  readonly signal?: AbortSignal
}

/** Checks all of it. Rejects only with the signal's reason or the error of `chunks`: whatever is wrong with the bytes is in the report. */
export async function checkDownload(chunks: AsyncIterable<Uint8Array>, check: DownloadCheck, options: ReadOptions): Promise<void> {
  const { name, onUnit, signal } = options
  let number = 0
  const seen = { end: false }

  function parsed<T extends object>(schema: z.ZodType<T>, line: string): T | null {
    const read = readLine(schema, line)
    if (read.ok) return read.value
    check.fail('form', `${name}, line ${number}${read.field === '' ? '' : `, ${read.field}`}`, read.why)
    return null
  }

  async function take(line: string): Promise<void> {
    number++
    const place = `${name}, line ${number}`
    if (number === 1) {
      const head = parsed(downloadHeadSchema, line)
      if (head !== null) await check.head(head.job, head.signed, place)
    } else if (seen.end) check.fail('form', place, 'something follows the end')
    else if (line.startsWith('{"receipt":')) {
      seen.end = true
      const end = parsed(downloadEndSchema, line)
      if (end !== null) await check.end(end.receipt, place)
    } else await takeUnit(parsed(downloadUnitSchema, line), place)
  }

  async function takeUnit(unit: DownloadUnit | null, place: string): Promise<void> {
    if (unit === null) return
    const value = bytesOf(unit.value)
    if (value === null) {
      check.fail('form', `${place}, unit ${unit.receipt.unit}, value`, 'it is no base64url as a program writes it')
      return
    }
    check.unit(unit.leaf, unit.receipt, value, place)
    const outputs = check.signed?.spec.outputs
    if (outputs === undefined || value.length !== check.valueBytes) return
    const differs = readableDifference(outputs, value, unit.values)
    if (differs !== null)
      check.fail('values', `${place}, unit ${unit.receipt.unit}, values.${differs}`, 'it is not what the bytes of the value say')
    await onUnit?.({ ...unit, value })
  }

  try {
    for await (const line of exactLines(chunks)) {
      signal?.throwIfAborted()
      await take(line)
    }
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    check.fail('form', `${name}, line ${number + 1}`, `it cannot be read: ${error.message}`)
  }
  if (!seen.end) check.fail('form', `${name}, line ${number + 1}`, 'the signed receipt of the job is missing: the file is cut off')
}

function bytesOf(text: string): Uint8Array | null {
  try {
    const bytes = fromBase64Url(text)
    return toBase64Url(bytes) === text ? bytes : null
  } catch {
    return null
  }
}
