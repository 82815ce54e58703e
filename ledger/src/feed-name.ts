/** What follows from a feed's name: its map key, its document's guid, its Yjs client id. */
import { sha256Hex, utf8, type AuthorId } from '@peercompute/job-specs'

export interface FeedName {
  readonly author: AuthorId
  readonly epoch: number
}

/** Name of the root `Y.Array` in every feed document. */
export const FEED_ROOT = 'feed'

export function feedKey(feed: FeedName): string {
  return `${feed.author}:${feed.epoch}`
}

export function feedGuid(feed: FeedName): string {
  return `feed:${feedKey(feed)}`
}

/** First 32 bits of SHA-256("feed:<author>:<epoch>"): every peer knows the only client id that may write into the feed. */
export function feedClientId(feed: FeedName): number {
  return Number.parseInt(sha256Hex(utf8(feedGuid(feed))).slice(0, 8), 16)
}
