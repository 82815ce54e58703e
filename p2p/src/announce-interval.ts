import { ANNOUNCEMENTS_PER_SECOND, ANNOUNCE_MS, EVERYBODY_MAX } from './settings.ts'

/**
 * Time between two announcements of one of `peers` peers, ms: 1 s, and in a crowd so long that their relay forwards no more than
 * ANNOUNCEMENTS_PER_SECOND. Beyond EVERYBODY_MAX nobody looks for everybody, so the crowd as a whole says less the larger it is.
 * Relays introduce newcomers at once, whatever the pace of gossip (see relay-peers.ts).
 */
export function announceIntervalMs(peers: number): number {
  const share = (peers * (peers - 1) * 1_000) / ANNOUNCEMENTS_PER_SECOND
  return Math.max(ANNOUNCE_MS, Math.ceil(share * Math.max(1, peers / EVERYBODY_MAX)))
}
