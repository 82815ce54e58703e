/** Limits of the blob exchange, each with its reason. */
const KIB = 1024
const MIB = 1024 * KIB

/** A circuit costs the relay's bandwidth, which all share, and ends after 64 MiB: only a small kernel may take this way. */
export const BLOB_RELAYED_MAX_BYTES = 64 * KIB

/** Streams of one fetch, over all peers that it asks. One alone would leave the line empty for a round trip after each chunk. */
export const BLOB_LANES = 4
/** Chunks that may be asked for or wait beyond the last one that was kept: 2 MiB. */
export const BLOB_WINDOW_CHUNKS = 8
/** Up to here an answer is expected at once; longer ones first show with one byte that somebody answers. */
export const BLOB_QUICK_BYTES = 16 * KIB
/** Opening a stream and a quick answer. A peer that is frozen or gone must not hold up a job for longer. */
export const BLOB_QUICK_MS = 3_000
/** A chunk, with all lanes on one line of 300 kbit/s. */
export const BLOB_CHUNK_MS = 30_000
/** A busy peer is asked again so often before it is left alone. */
export const BLOB_BUSY_TRIES = 10
export const BLOB_BUSY_MAX_MS = 5_000

/** Streams that one connection may hold open here: four fetches of four lanes. */
export const BLOB_STREAMS_PER_CONNECTION = 16
/** Answers in memory at once, over all peers. Each takes a chunk twice, as it was read and as a frame: 8 MiB in all. */
export const BLOB_READS_MAX = 16
/** What one peer may take of them. */
export const BLOB_READS_PER_PEER = 8
/** A busy server is asked again after this. */
export const BLOB_BUSY_MS = 200
/** A stream on which nothing is asked is closed. */
export const BLOB_IDLE_MS = 60_000
/** One peer's share of this volunteer's uplink: a burst for a few kernels and inputs, then 16 MiB a second. */
export const BLOB_PEER_RATE = { bytesPerSecond: 16 * MIB, burstBytes: 64 * MIB }
/** PeerIds cost nothing, so all together have a limit, too. */
export const BLOB_TOTAL_RATE = { bytesPerSecond: 32 * MIB, burstBytes: 128 * MIB }
