/** Room that is kept so that results still get in when everything else has filled the disk. */
import { randomBytes } from 'node:crypto'
import { rmSync, statSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'

const CHUNK_BYTES = 1_048_576

export interface ReserveFile {
  readonly held: boolean
  /** Writes the file. Rejects when there is no room for it; then nothing of it is left. */
  take(): Promise<void>
  /** Deletes it. False when there was none. */
  spend(): boolean
}

/** `bytes`: how much. A file that is there already, from an earlier start, counts when it has at least so much. */
export function reserveFile(path: string, bytes: number): ReserveFile {
  let held = sizeOf(path) >= bytes
  return {
    get held() {
      return held
    },
    async take() {
      const temporary = `${path}.tmp`
      try {
        // Bytes that no file system can leave out or compress.
        const chunk = randomBytes(Math.min(bytes, CHUNK_BYTES))
        await using file = await open(temporary, 'w', 0o600)
        for (let left = bytes; left > 0; left -= chunk.length) await file.writeFile(chunk.subarray(0, Math.min(left, chunk.length)))
        await rename(temporary, path)
        held = true
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
    },
    spend() {
      const spent = held
      held = false
      rmSync(path, { force: true })
      return spent
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
