/** Where things lie in a data folder, and in a backup of one, which has the same layout. */
import { join } from 'node:path'

export const DATABASE_NAME = 'coordinator.sqlite'
export const FEEDS_NAME = 'feeds.sqlite'
export const KEYS_NAME = 'keys'
export const BLOBS_NAME = 'blobs'
export const SEGMENTS_NAME = 'segments'

export function dataLayout(path: string) {
  return {
    database: join(path, DATABASE_NAME),
    feeds: join(path, FEEDS_NAME),
    keys: join(path, KEYS_NAME),
    blobs: join(path, BLOBS_NAME),
    segments: join(path, SEGMENTS_NAME),
    /** Of no use to a backup: without them units begin anew. */
    checkpoints: join(path, 'checkpoints')
  }
}
