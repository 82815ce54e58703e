import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PeerComputeError, rootIdSchema, type RootId } from '@peercompute/job-specs'
import { isMissing } from '../storage/is-missing.ts'
import type { PinStore } from './pin-store.ts'

const FILE = 'pins.json'

/** `<folder>/pins.json`: root key by coordinator URL. Removing a line forgets the pin. KEY_INVALID when it cannot be read. */
export function createFolderPinStore(folder: string): PinStore {
  const path = join(folder, FILE)
  const read = async (): Promise<Map<string, RootId>> => {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return '{}'
      throw error
    })
    try {
      return new Map(Object.entries(JSON.parse(text) as object).map(([coordinator, root]) => [coordinator, rootIdSchema.parse(root)]))
    } catch (cause) {
      throw new PeerComputeError('KEY_INVALID', `${FILE} is not a list of root keys`, { cause })
    }
  }
  return {
    get: async (coordinator) => (await read()).get(coordinator) ?? null,
    async set(coordinator, root) {
      const pins = (await read()).set(coordinator, root)
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const temporary = join(folder, `.${FILE}.${crypto.randomUUID()}`)
      await writeFile(temporary, JSON.stringify(Object.fromEntries(pins), null, 2) + '\n', { mode: 0o600 })
      await rename(temporary, path)
    }
  }
}
