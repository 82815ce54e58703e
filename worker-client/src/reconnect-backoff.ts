import type { Backoff } from '@peercompute/p2p/time'

/** Everything that this host tries again for ever: the coordinator, a report refused for now, bytes that cannot be had. */
export const RECONNECT_BACKOFF: Backoff = { baseMs: 500, capMs: 60_000 }
