import { mkdir, open, readdir, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { authorIdSchema, type AuthorId } from '@peercompute/job-specs'
import { encodeFrame, FrameReader, LEDGER_FRAME_MAX_BYTES, type Frame } from '@peercompute/job-specs/protocol'
import type { FeedName, LedgerStore } from '@peercompute/ledger'

const SUFFIX = '.feed'

/** One file a feed, one frame an update, appended and synced. A torn last frame, left by a crash, is cut off. */
export function createFolderLedgerStore(folder: string): LedgerStore {
  return {
    async load() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX)).sort()
      return (await Promise.all(names.map((name) => readFeed(join(folder, name))))).flat()
    },
    async save(feed, update) {
      const file = await open(join(folder, `${feed.author}-${feed.epoch}${SUFFIX}`), 'a', 0o600)
      try {
        await file.appendFile(encodeFrame({ author: feed.author, epoch: feed.epoch }, update))
        await file.datasync()
      } finally {
        await file.close()
      }
    }
  }
}

async function readFeed(path: string): Promise<{ feed: FeedName; update: Uint8Array }[]> {
  const bytes = await readFile(path)
  const reader = new FrameReader(LEDGER_FRAME_MAX_BYTES)
  let frames: Frame[] = []
  let torn = false
  try {
    frames = reader.push(bytes)
    torn = reader.incomplete
  } catch {
    // Not frames: the records are asked for again, and an own feed goes on in its next epoch.
    return []
  }
  if (torn) await truncate(path, frames.reduce((end, { message, attachment }) => end + encodeFrame(Object(message) as object, attachment).length, 0))
  return frames.flatMap(({ message, attachment }) => {
    const feed = feedOf(message)
    return feed === null ? [] : [{ feed, update: attachment }]
  })
}

function feedOf(message: unknown): FeedName | null {
  if (typeof message !== 'object' || message === null || !('author' in message) || !('epoch' in message)) return null
  const author = authorIdSchema.safeParse(message.author)
  return author.success && Number.isSafeInteger(message.epoch) ? { author: author.data satisfies AuthorId, epoch: Number(message.epoch) } : null
}
