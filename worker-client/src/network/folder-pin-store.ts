import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { coordinatorInfoSchema, PeerComputeError, rootIdSchema, type CoordinatorInfo, type RootId } from '@peercompute/job-specs'
import { isMissing } from '../storage/is-missing.ts'
import type { PinStore } from './pin-store.ts'

const PINS = 'pins.json'
const INFOS = 'coordinators.json'

/**
 * `<folder>/pins.json`: root key by coordinator URL. Removing a line forgets the pin. KEY_INVALID when it cannot be read.
 * `<folder>/coordinators.json`: what each said last; may be removed.
 */
export function createFolderPinStore(folder: string): PinStore {
  const read = async (file: string): Promise<string> =>
    readFile(join(folder, file), 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return '{}'
      throw error
    })
  const write = async (file: string, entries: Iterable<readonly [string, unknown]>): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const temporary = join(folder, `.${file}.${crypto.randomUUID()}`)
    await writeFile(temporary, JSON.stringify(Object.fromEntries(entries), null, 2) + '\n', { mode: 0o600 })
    await rename(temporary, join(folder, file))
  }
  const pins = async (): Promise<Map<string, RootId>> => {
    const text = await read(PINS)
    try {
      return new Map(Object.entries(JSON.parse(text) as object).map(([coordinator, root]) => [coordinator, rootIdSchema.parse(root)]))
    } catch (cause) {
      throw new PeerComputeError('KEY_INVALID', `${PINS} is not a list of root keys`, { cause })
    }
  }
  /** A form that is out of date is as good as nothing. */
  const infos = async (): Promise<Map<string, CoordinatorInfo>> => {
    try {
      return new Map(
        Object.entries(JSON.parse(await read(INFOS)) as object).flatMap(([coordinator, info]) => {
          const { data } = coordinatorInfoSchema.safeParse(info)
          return data === undefined ? [] : [[coordinator, data] as const]
        })
      )
    } catch {
      return new Map()
    }
  }
  return {
    get: async (coordinator) => (await pins()).get(coordinator) ?? null,
    async set(coordinator, root) {
      await write(PINS, (await pins()).set(coordinator, root))
    },
    lastInfo: async (coordinator) => (await infos()).get(coordinator) ?? null,
    async setLastInfo(coordinator, info) {
      await write(INFOS, (await infos()).set(coordinator, info))
    }
  }
}
