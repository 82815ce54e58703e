/** The settled units of a job, in unit order, as a stream or as a folder with receipts: a job of any size fits into little memory. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { extname } from 'node:path'
import { finished } from 'node:stream/promises'
import { PeerComputeError, type JobDetail } from '@peercompute/job-specs'
import { DownloadCheck } from '@peercompute/job-specs/download'
import type { ApiClient } from '../api/client.ts'
import { findJob } from '../api/find-job.ts'
import { coordinatorOf, type Context, type Coordinator, type RemoteOptions } from '../context.ts'
import { count, notHeldSentence } from '../output/format.ts'
import { userFolder } from '../user/folder.ts'
import { createPinStore } from '../user/pins.ts'
import { writeFolder } from '../verify/write-folder.ts'

/** `verified`: one file with receipts and signatures, for `verify`. */
export const resultFormats = ['ndjson', 'json', 'csv', 'verified'] as const
export type ResultFormat = (typeof resultFormats)[number]

export interface ResultsOptions extends RemoteOptions {
  readonly format?: ResultFormat
  readonly out?: string
}

async function* chunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) yield decoder.decode(chunk, { stream: true })
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks(stream)) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
  if (rest !== '') yield rest
}

/** One document: the job, its specification, and a row for each settled unit. */
async function* document(job: JobDetail, rows: AsyncIterable<string>): AsyncGenerator<string> {
  const { spec, ...summary } = job
  yield `{"job":${JSON.stringify(summary)},"spec":${JSON.stringify(spec)},"rows":[`
  let separator = '\n'
  for await (const row of rows) {
    yield separator + row
    separator = ',\n'
  }
  yield '\n]}\n'
}

async function textOf(api: ApiClient, job: JobDetail, format: ResultFormat): Promise<AsyncIterable<string>> {
  if (format === 'verified') return chunks(await api.download(job.id))
  return format === 'json' ? document(job, lines(await api.results(job.id, 'ndjson'))) : chunks(await api.results(job.id, format))
}

/** The file is there whole, or not at all. */
async function writeFile(path: string, text: AsyncIterable<string>): Promise<void> {
  const temporary = `${path}.part`
  try {
    const file = createWriteStream(temporary)
    for await (const part of text) if (!file.write(part)) await once(file, 'drain')
    file.end()
    await finished(file)
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    if (cause instanceof Error && 'syscall' in cause)
      throw new PeerComputeError('CONFIG_INVALID', `--out ${path}: ${cause.message}`, { cause })
    throw cause
  }
}

/** Checked as it comes, against the root key that this coordinator is pinned with. */
async function writeVerifiable(
  context: Context,
  { url, api }: Coordinator,
  job: JobDetail,
  folder: string,
  format: ResultFormat
): Promise<void> {
  if (format === 'verified')
    throw new PeerComputeError('CONFIG_INVALID', `--format verified is one file: give --out an extension, as in ${folder}.ndjson`)
  const info = await api.info()
  await createPinStore(userFolder(context.env)).check(url, info)
  const check = new DownloadCheck({ root: info.root })
  await writeFolder(folder, await api.download(job.id), { form: format, check, signal: context.signal })
}

export async function results(context: Context, reference: string, options: ResultsOptions): Promise<void> {
  const coordinator = await coordinatorOf(context, options)
  const { api } = coordinator
  const job = await api.job(await findJob(api, reference))
  const format = options.format ?? (options.json ? 'json' : 'ndjson')
  const { out } = options
  const folder = out !== undefined && extname(out) === ''
  if (folder) await writeVerifiable(context, coordinator, job, out, format)
  else if (out !== undefined) await writeFile(out, await textOf(api, job, format))
  else for await (const part of await textOf(api, job, format)) await context.terminal.data(part)
  const { validated } = job.units
  const { notHeld = 0 } = job
  const partly = validated < job.unitCount || notHeld > 0 ? ` of ${count(job.unitCount)}` : ''
  const rest = validated < job.unitCount ? '; the rest is not settled yet' : ''
  context.terminal.talk(`${count(validated - notHeld)} units${partly}${rest}${out === undefined ? '' : `, in ${out}`}`)
  if (notHeld > 0) context.terminal.talk(notHeldSentence(notHeld))
  if (folder || (format === 'verified' && out !== undefined)) context.terminal.talk(`Check it again anywhere: peercompute verify ${out}`)
}
