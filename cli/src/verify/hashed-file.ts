/** A file that is written or read once, front to back, with its SHA-256. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { PeerComputeError } from '@peercompute/job-specs'

export interface FileExtent {
  readonly bytes: number
  readonly sha256: string
}

export interface HashedFile {
  write(part: string | Uint8Array): Promise<void>
  end(): Promise<FileExtent>
  /** Gives the file up. */
  abandon(): void
}

export function createHashedFile(path: string): HashedFile {
  const file = createWriteStream(path, { flags: 'wx' })
  // Whoever writes next, or ends it, is told.
  let failure: Error | null = null
  file.on('error', (error) => {
    failure = error
  })
  const hash = createHash('sha256')
  let bytes = 0
  const refuse = (): void => {
    if (failure !== null) throw new PeerComputeError('CONFIG_INVALID', `${path}: ${failure.message}`, { cause: failure })
  }
  return {
    async write(part) {
      refuse()
      hash.update(part)
      bytes += typeof part === 'string' ? Buffer.byteLength(part) : part.length
      if (!file.write(part)) await Promise.race([once(file, 'drain'), finished(file)])
    },
    async end() {
      refuse()
      file.end()
      await finished(file).catch(() => undefined)
      refuse()
      return { bytes, sha256: hash.digest('hex') }
    },
    abandon: () => {
      file.destroy()
    }
  }
}

export async function extentOf(path: string, signal: AbortSignal): Promise<FileExtent> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Uint8Array>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}
