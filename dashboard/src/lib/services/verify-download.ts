/** Checks a download in this page. Nothing of it leaves the page. */
import { checkDownload, DownloadCheck, type CheckReport, type ReadUnit } from '@peercompute/job-specs/download'
import { verifiedPath } from './api.ts'
import { send } from './http.ts'

export interface CheckedDownload {
  readonly report: CheckReport
  /** One of its units at random, to be computed again; null when there is none. */
  readonly unit: ReadUnit | null
}

export interface VerifyInit {
  readonly name: string
  /** Root key that the reader trusts; empty when they know of none. */
  readonly root: string
  /** Root keys of coordinators that this page has to do with. */
  readonly known: ReadonlySet<string>
  readonly onProgress: (units: number) => void
  readonly signal: AbortSignal
}

/** The page may not be asked to hold all of it: it is read as it comes. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

export async function verifyDownload(stream: ReadableStream<Uint8Array>, init: VerifyInit): Promise<CheckedDownload> {
  const check = new DownloadCheck({ root: init.root === '' ? undefined : init.root, known: init.known })
  let seen = 0
  let unit: ReadUnit | null = null
  const onUnit = (read: ReadUnit): void => {
    // A reservoir of one: each unit is as likely as any other.
    if (Math.random() * ++seen < 1) unit = read
    if (seen % 50 === 0) init.onProgress(seen)
  }
  await checkDownload(chunksOf(stream), check, { name: init.name, onUnit, signal: init.signal })
  return { report: check.report(), unit }
}

/** The download of a job of this coordinator. Reading it takes as long as it takes: only the beginning of the answer has a deadline. */
export async function openDownload(job: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const response = await send(verifiedPath(job), { signal, stream: true })
  return response.body ?? new ReadableStream<Uint8Array>()
}
