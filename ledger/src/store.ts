/** Where a ledger's feeds survive a restart. The port, and the adapter that forgets. */
import type { CheckpointMark } from './checkpoint.ts'
import type { EquivocationProof } from './equivocation.ts'
import { feedKey, type FeedName } from './feed-name.ts'

export interface StoredLedger {
  /** Updates of each feed in the order in which they were saved, one by one or merged. */
  readonly feeds: readonly { readonly feed: FeedName; readonly update: Uint8Array }[]
  /** The snapshot that was saved last, as it travels. */
  readonly snapshot: Uint8Array | null
  readonly forks: readonly EquivocationProof[]
  /**
   * Set when this store is an older copy of itself, from a backup: peers may hold more of the own feeds with a lower epoch than this,
   * so those are read like foreign ones and never written to.
   */
  readonly ownFrom?: number
}

/**
 * Adapters keep bytes and know nothing of records. What `load` returns is checked: see `verifyStored`.
 *
 * `save` resolves when the update is durable and rejects when it is not there: own records are announced only after it. It is
 * called in order for each feed, and so is `drop`. A replica goes on with anything foreign that could not be saved; telling somebody
 * is the adapter's task.
 */
export interface LedgerStore {
  load(): Promise<StoredLedger>
  /** Adds an update that carries the records after those already saved. */
  save(feed: FeedName, update: Uint8Array): Promise<void>
  /** Forgets a feed and frees its room. Saving may begin again from its first record. */
  drop(feed: FeedName): Promise<void>
  /** Replaces the snapshot. */
  saveSnapshot(mark: CheckpointMark, encoded: Uint8Array): Promise<void>
  /** Replaces the proof about the same feed. */
  saveFork(proof: EquivocationProof): Promise<void>
}

/** Together what was saved of one feed; feeds in the order in which they grew last. */
export function byFeed(stored: StoredLedger['feeds']): Iterable<{ readonly feed: FeedName; readonly updates: readonly Uint8Array[] }> {
  const feeds = new Map<string, { readonly feed: FeedName; readonly updates: Uint8Array[] }>()
  for (const { feed, update } of stored) {
    const known = feeds.get(feedKey(feed)) ?? { feed, updates: [] }
    known.updates.push(update)
    feeds.delete(feedKey(feed))
    feeds.set(feedKey(feed), known)
  }
  return feeds.values()
}

export function memoryLedgerStore(): LedgerStore {
  const saved = new Map<string, { readonly feed: FeedName; readonly updates: Uint8Array[] }>()
  const forks = new Map<string, EquivocationProof>()
  let snapshot: Uint8Array | null = null
  return {
    load: () =>
      Promise.resolve({
        feeds: [...saved.values()].flatMap(({ feed, updates }) => updates.map((update) => ({ feed, update }))),
        snapshot,
        forks: [...forks.values()]
      }),
    save: (feed, update) => {
      const held = saved.get(feedKey(feed))
      if (held === undefined) saved.set(feedKey(feed), { feed, updates: [update] })
      else held.updates.push(update)
      return Promise.resolve()
    },
    drop: (feed) => {
      saved.delete(feedKey(feed))
      return Promise.resolve()
    },
    saveSnapshot: (_mark, encoded) => {
      snapshot = encoded
      return Promise.resolve()
    },
    saveFork: (proof) => {
      forks.set(feedKey(proof.feed), proof)
      return Promise.resolve()
    }
  }
}
