/** Writes to a disk behind the back of who wants them: one at a time for each key, the latest only, the oldest records out when it is full. */
import type { CheckpointDisk } from './checkpoint-disk.ts'

export interface WriteBehind {
  /** `encode` runs when its turn has come; a later call for the key makes it void. */
  write(key: string, encode: () => Uint8Array | Promise<Uint8Array>): void
  remove(key: string): void
  /** As it will be when everything is written. */
  read(key: string): Promise<Uint8Array | null>
  keys(): Promise<readonly string[]>
  /** Resolves when nothing waits to be written. */
  settled(): Promise<void>
}

type Wanted = (() => Uint8Array | Promise<Uint8Array>) | 'removed'

/** A disk that fails keeps nobody from computing: what could not be written is as if it had never been saved. */
export function writeBehind(disk: CheckpointDisk, maxBytes: number): WriteBehind {
  const sizes = new Map<string, number>()
  const wanted = new Map<string, Wanted>()
  const working = new Map<string, Promise<void>>()
  let held = 0

  const count = (key: string, bytes: number | null) => {
    held -= sizes.get(key) ?? 0
    sizes.delete(key)
    if (bytes === null) return
    sizes.set(key, bytes)
    held += bytes
  }
  const listed = disk.list().then(
    (records) => {
      for (const { key, bytes } of records) count(key, bytes)
    },
    () => undefined
  )

  const makeRoom = async () => {
    for (const oldest of [...sizes.keys()]) {
      if (held <= maxBytes) return
      count(oldest, null)
      await disk.remove(oldest)
    }
  }
  const work = async (key: string) => {
    await listed
    for (let next = wanted.get(key); next !== undefined; next = wanted.get(key)) {
      wanted.delete(key)
      try {
        if (next === 'removed') {
          count(key, null)
          await disk.remove(key)
        } else {
          const record = await next()
          if (wanted.has(key)) continue
          await disk.write(key, record)
          count(key, record.length)
          await makeRoom()
        }
      } catch {
        continue
      }
    }
    working.delete(key)
  }
  const want = (key: string, what: Wanted) => {
    wanted.set(key, what)
    if (!working.has(key)) working.set(key, work(key))
  }

  return {
    write: want,
    remove: (key) => {
      want(key, 'removed')
    },
    async read(key) {
      await working.get(key)
      return disk.read(key).catch(() => null)
    },
    async keys() {
      await listed
      return [...sizes.keys()]
    },
    async settled() {
      await listed
      while (working.size > 0) await Promise.all(working.values())
    }
  }
}
