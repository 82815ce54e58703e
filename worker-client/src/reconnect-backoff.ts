import type { Backoff } from '@peercompute/p2p/time'

/** Everything that this host tries again for ever: a report refused for now, bytes that cannot be had. */
export const RECONNECT_BACKOFF: Backoff = { baseMs: 500, capMs: 60_000 }

/** The coordinator alone: people look at the word "offline" meanwhile. */
export const COORDINATOR_BACKOFF: Backoff = { baseMs: 500, capMs: 10_000 }
