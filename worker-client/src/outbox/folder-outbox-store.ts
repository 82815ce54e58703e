import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeFrames, encodeFrame, WORK_FRAME_MAX_BYTES } from '@peercompute/job-specs/protocol'
import type { OutboxItem, OutboxStore } from './outbox.ts'

const SUFFIX = '.report'

/** One file an item, as a work frame: the report and its deadline, the values attached. Written whole or not at all. */
export function createFolderOutboxStore(folder: string): OutboxStore {
  const pathOf = (key: string) => join(folder, key + SUFFIX)
  return {
    async load() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX))
      const aged = await Promise.all(
        names.map(async (name) => ({ path: join(folder, name), at: (await stat(join(folder, name))).mtimeMs }))
      )
      const items: unknown[] = []
      for (const { path } of aged.sort((a, b) => a.at - b.at)) items.push(await readItem(path))
      return items
    },
    async put(item) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const temporary = `${pathOf(item.key)}.tmp`
      await writeFile(temporary, encodeFrame({ report: item.report, deadline: item.deadline }, item.values), { mode: 0o600 })
      await rename(temporary, pathOf(item.key))
    },
    remove: (key) => rm(pathOf(key), { force: true })
  }
}

/** Null for a file that is no item; it is removed, because it can never be delivered. */
async function readItem(path: string): Promise<Pick<OutboxItem, 'values'> | null> {
  try {
    const [frame] = decodeFrames(await readFile(path), WORK_FRAME_MAX_BYTES)
    if (frame !== undefined && typeof frame.message === 'object') return { ...frame.message, values: frame.attachment }
  } catch {
    // Falls through: a torn file counts as none.
  }
  await rm(path, { force: true })
  return null
}
