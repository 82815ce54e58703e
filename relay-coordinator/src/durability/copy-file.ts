/** Copies files that must arrive as they were: hashed on the way, on the disk when it resolves, for nobody else's eyes. */
import { createHash } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

const CHUNK_BYTES = 1_048_576

export interface CopiedBytes {
  readonly bytes: number
  readonly sha256: string
}

/** `to` must not exist. Folders above it are made, mode 0700; the file gets 0600. Rejects with the signal's reason. */
export async function copyFileHashed(from: string, to: string, signal: AbortSignal): Promise<CopiedBytes> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  await using source = await open(from, 'r')
  await using target = await open(to, 'wx', 0o600)
  const hashed = await hashOf(source, signal, (part) => target.writeFile(part))
  await target.sync()
  return hashed
}

export async function hashFile(path: string, signal: AbortSignal): Promise<CopiedBytes> {
  await using file = await open(path, 'r')
  // Awaited: the file is closed when this returns.
  return await hashOf(file, signal, () => Promise.resolve())
}

type Reading = Awaited<ReturnType<typeof open>>

async function hashOf(file: Reading, signal: AbortSignal, each: (part: Buffer) => Promise<void>): Promise<CopiedBytes> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let bytes = 0; ;) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES)
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') }
    const part = buffer.subarray(0, bytesRead)
    hash.update(part)
    await each(part)
    bytes += bytesRead
  }
}
