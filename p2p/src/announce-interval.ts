import { ANNOUNCEMENTS_PER_SECOND, ANNOUNCE_MS } from './settings.ts'

/**
 * Time between two announcements of one of `peers` peers, ms: 1 s, and in a crowd so long that their relay forwards no more than
 * ANNOUNCEMENTS_PER_SECOND. With 300 peers that is half a minute; a newcomer hears of twenty of them within two seconds all the same.
 */
export function announceIntervalMs(peers: number): number {
  return Math.max(ANNOUNCE_MS, Math.ceil((peers * (peers - 1) * 1_000) / ANNOUNCEMENTS_PER_SECOND))
}
