import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '../storage/is-missing.ts'
import type { CheckpointDisk } from './checkpoint-disk.ts'

const SUFFIX = '.state'

/** One file a record: folder 0700, files 0600. What a killed process left half written has another suffix, and is cleared by `list`. */
export function createFolderCheckpointDisk(folder: string): CheckpointDisk {
  const pathOf = (key: string) => join(folder, key + SUFFIX)
  return {
    async list() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const names = await readdir(folder)
      await Promise.all(names.filter((name) => name.endsWith('.tmp')).map((name) => rm(join(folder, name), { force: true })))
      const found = await Promise.all(
        names
          .filter((name) => name.endsWith(SUFFIX))
          .map(async (name) => {
            const { size, mtimeMs } = await stat(join(folder, name))
            return { key: name.slice(0, -SUFFIX.length), bytes: size, at: mtimeMs }
          })
      )
      return found.sort((a, b) => a.at - b.at).map(({ key, bytes }) => ({ key, bytes }))
    },
    async read(key) {
      try {
        return new Uint8Array(await readFile(pathOf(key)))
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    async write(key, record) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const temporary = `${pathOf(key)}.tmp`
      await writeFile(temporary, record, { mode: 0o600 })
      await rename(temporary, pathOf(key))
    },
    remove: (key) => rm(pathOf(key), { force: true })
  }
}
