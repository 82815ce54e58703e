import { mkdir, open, readdir, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { authorIdSchema } from '@peercompute/job-specs'
import { encodeFrame, FrameReader, LEDGER_FRAME_MAX_BYTES } from '@peercompute/job-specs/protocol'
import type { FeedName, LedgerStore } from '@peercompute/ledger'

interface SavedUpdate {
  readonly feed: FeedName
  readonly update: Uint8Array
}

/** One file a feed, `<author>-<epoch>.feed`; one frame an update, appended and synced. What a crash left half written is cut off. */
export function createFolderLedgerStore(folder: string): LedgerStore {
  return {
    async load() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const updates: SavedUpdate[] = []
      for (const name of (await readdir(folder)).sort()) {
        const feed = feedOf(name)
        if (feed !== null) updates.push(...(await readFeed(feed, join(folder, name))))
      }
      return updates
    },
    async save(feed, update) {
      const file = await open(join(folder, `${feed.author}-${feed.epoch}.feed`), 'a', 0o600)
      try {
        await file.appendFile(encodeFrame({}, update))
        await file.datasync()
      } finally {
        await file.close()
      }
    }
  }
}

async function readFeed(feed: FeedName, path: string): Promise<SavedUpdate[]> {
  const bytes = await readFile(path)
  const reader = new FrameReader(LEDGER_FRAME_MAX_BYTES)
  try {
    const frames = reader.push(bytes)
    if (reader.incomplete) await truncate(path, bytes.length - reader.buffered)
    return frames.map(({ attachment }) => ({ feed, update: attachment }))
  } catch {
    // No frames: handed on as it is, so that the ledger refuses it and never continues this feed, whose records may be out there.
    return [{ feed, update: bytes }]
  }
}

function feedOf(file: string): FeedName | null {
  const [, name, epoch] = /^(.{43})-(\d{1,10})\.feed$/.exec(file) ?? []
  const author = authorIdSchema.safeParse(name)
  return author.success ? { author: author.data, epoch: Number(epoch) } : null
}
