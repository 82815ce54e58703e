import { mkdir, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { authorIdSchema } from '@peercompute/job-specs'
import { encodeFrame, FrameReader, LEDGER_FRAME_MAX_BYTES, ledgerMessageSchema } from '@peercompute/job-specs/protocol'
import { decodeFork, encodeFork, type EquivocationProof, type FeedName, type LedgerStore, type StoredLedger } from '@peercompute/ledger'

type SavedUpdate = StoredLedger['feeds'][number]

const SNAPSHOT = 'checkpoint.snapshot'

/**
 * One file a feed, `<author>-<epoch>.feed`; one frame an update, appended and synced. What a crash left half written is cut off.
 * Beside them `checkpoint.snapshot`, as it travels, and `<author>-<epoch>.fork`, one frame.
 */
export function createFolderLedgerStore(folder: string): LedgerStore {
  const pathOf = (feed: FeedName, kind: 'feed' | 'fork') => join(folder, `${feed.author}-${feed.epoch}.${kind}`)
  return {
    async load() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const feeds: SavedUpdate[] = []
      const forks: EquivocationProof[] = []
      for (const name of (await readdir(folder)).sort()) {
        const feed = feedOf(name)
        if (feed !== null) feeds.push(...(await readFeed(feed, join(folder, name))))
        if (name.endsWith('.fork')) forks.push(...(await readFork(join(folder, name))))
      }
      return { feeds, snapshot: await readFile(join(folder, SNAPSHOT)).catch(() => null), forks }
    },
    async save(feed, update) {
      const file = await open(pathOf(feed, 'feed'), 'a', 0o600)
      try {
        await file.appendFile(encodeFrame({}, update))
        await file.datasync()
      } finally {
        await file.close()
      }
    },
    drop: (feed) => rm(pathOf(feed, 'feed'), { force: true }),
    saveSnapshot: (_mark, encoded) => replaceFile(join(folder, SNAPSHOT), encoded),
    saveFork(proof) {
      const { message, attachment } = encodeFork(proof)
      return replaceFile(pathOf(proof.feed, 'fork'), encodeFrame(message, attachment))
    }
  }
}

/** The old content or the new, never half of either. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
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

/** A proof that cannot be read is of no use; peers hold it, too. */
async function readFork(path: string): Promise<EquivocationProof[]> {
  try {
    return new FrameReader(LEDGER_FRAME_MAX_BYTES).push(await readFile(path)).flatMap(({ message, attachment }) => {
      const parsed = ledgerMessageSchema.safeParse(message).data
      return parsed?.type === 'fork' ? (decodeFork(parsed, attachment) ?? []) : []
    })
  } catch {
    return []
  }
}

function feedOf(file: string): FeedName | null {
  const [, name, epoch] = /^(.{43})-(\d{1,10})\.feed$/.exec(file) ?? []
  const author = authorIdSchema.safeParse(name)
  return author.success ? { author: author.data, epoch: Number(epoch) } : null
}
