/** Fetches a blob from whichever connected peers have it, several chunks at once. */
import { BLOB_PROTOCOL } from '@peercompute/job-specs/protocol'
import { asError } from './as-error.ts'
import { BanList } from './ban-list.ts'
import { BlobAssembly } from './blob-assembly.ts'
import { BlobOffence, openBlobLane, type BlobLane } from './blob-lane.ts'
import { BLOB_BUSY_MAX_MS, BLOB_BUSY_TRIES, BLOB_LANES, BLOB_QUICK_BYTES, BLOB_RELAYED_MAX_BYTES } from './blob-settings.ts'
import { systemClock, type Clock, type Random } from './time/clock.ts'
import { abortReason, sleep } from './time/sleep.ts'
import type { BlobSink } from './blob-ports.ts'
import type { PeerNode } from './gossip.ts'
import type { BlobRef } from '@peercompute/job-specs'

export interface FetchFromPeersOptions {
  readonly signal: AbortSignal
  /** Bytes kept so far. */
  readonly onProgress?: (bytes: number) => void
  /** PeerIds to ask instead of everybody who is connected and speaks the protocol. */
  readonly peers?: readonly string[]
  /** Peers that sent wrong bytes, kept from fetch to fetch: they are not asked. */
  readonly banned?: BanList
  readonly clock?: Clock
  readonly random?: Random
}

/**
 * True when the sink holds the whole, checked blob. False when no peer has (the rest of) it: what came is kept in the sink for the next
 * attempt. Direct connections only, except for blobs of at most 64 KiB. A peer whose bytes do not hold is banned when they can only be
 * its own; when they came from several, one after the other is asked for all of it. Never holds more than about 3 MiB.
 * Rejects with the signal's reason, or with what the sink throws.
 */
export async function fetchFromPeers(node: PeerNode, ref: BlobRef, sink: BlobSink, options: FetchFromPeersOptions): Promise<boolean> {
  const { signal, clock = systemClock, random = Math.random, onProgress = () => undefined } = options
  const banned = options.banned ?? new BanList(clock)
  const context: Context = { node, ref, sink, signal, clock, banned, onProgress }
  const candidates = options.peers ?? (await holders(node, ref, random))
  const resumed = sink.length > 0

  const sources = await transfer(context, candidates)
  if (sink.length < ref.bytes) return false
  if (await sink.commit()) return true
  const [only, ...others] = sources
  if (only !== undefined && others.length === 0 && !resumed) banned.add(only)

  for (const peer of candidates) {
    if (banned.has(peer)) continue
    await sink.reset()
    await transfer(context, [peer])
    if (sink.length < ref.bytes) continue
    if (await sink.commit()) return true
    banned.add(peer)
  }
  return false
}

interface Context {
  readonly node: PeerNode
  readonly ref: BlobRef
  readonly sink: BlobSink
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly banned: BanList
  readonly onProgress: (bytes: number) => void
}

/** Connected peers that speak the protocol, those with a direct connection first, else in random order. */
async function holders(node: PeerNode, ref: BlobRef, random: Random): Promise<string[]> {
  const found = new Map<string, { direct: boolean; order: number }>()
  for (const { status, limits, remotePeer } of node.getConnections()) {
    const direct = limits === undefined
    if (status !== 'open' || (!direct && ref.bytes > BLOB_RELAYED_MAX_BYTES)) continue
    const known = await node.peerStore.get(remotePeer).catch(() => undefined)
    const peer = remotePeer.toString()
    if (known?.protocols.includes(BLOB_PROTOCOL) !== true) continue
    found.set(peer, { direct: direct || found.get(peer)?.direct === true, order: random() })
  }
  return [...found].sort(([, a], [, b]) => Number(b.direct) - Number(a.direct) || a.order - b.order).map(([peer]) => peer)
}

/** Asks the peers until the sink is full or none of them has more. Returns whose bytes were taken. */
async function transfer(context: Context, candidates: readonly string[]): Promise<ReadonlySet<string>> {
  const { ref, sink, signal, banned } = context
  if (signal.aborted) throw abortReason(signal)
  const assembly = new BlobAssembly(sink, context.onProgress)
  const lanes = new Map<string, Set<BlobLane>>(candidates.filter((peer) => !banned.has(peer)).map((peer) => [peer, new Set()]))
  const load = new Map<string, number>([...lanes.keys()].map((peer) => [peer, 0]))
  const sources = new Set<string>()

  const abortLanes = (error: Error, of: Iterable<Set<BlobLane>> = lanes.values()): void => {
    for (const open of of) for (const lane of open) lane.abort(error)
  }
  const onAbort = (): void => {
    assembly.stop(abortReason(signal))
    abortLanes(abortReason(signal))
  }

  /** The peer with the fewest lanes: one each while there are enough peers. */
  const leastLoaded = (): string | undefined => [...load].sort(([, a], [, b]) => a - b)[0]?.[0]

  const useLane = async (peer: string): Promise<void> => {
    const lane = await openBlobLane(context.node, peer, ref, context)
    const open = lanes.get(peer)
    open?.add(lane)
    try {
      if (signal.aborted) throw abortReason(signal)
      await drain(lane, assembly, context, () => sources.add(peer))
      lane.close()
    } catch (error) {
      lane.abort(asError(error))
      throw error
    } finally {
      open?.delete(lane)
    }
  }

  /** Uses one lane after the other; ends when the blob is complete or no peer is left. */
  const run = async (): Promise<void> => {
    for (let peer = leastLoaded(); peer !== undefined && !assembly.over; peer = leastLoaded()) {
      load.set(peer, (load.get(peer) ?? 0) + 1)
      try {
        await useLane(peer)
      } catch (error) {
        if (error instanceof BlobOffence) {
          banned.add(peer)
          abortLanes(error, [lanes.get(peer) ?? new Set()])
        }
      }
      load.delete(peer)
    }
  }

  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const chunks = Math.ceil((ref.bytes - sink.length) / ref.chunkBytes)
    await Promise.all(Array.from({ length: Math.min(BLOB_LANES, chunks) }, run))
    await assembly.settle()
    return sources
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Asks on one lane until the blob is complete, or this peer has not got it. Rejects when the lane breaks. */
async function drain(lane: BlobLane, assembly: BlobAssembly, { clock, signal }: Context, onBytes: () => void): Promise<void> {
  let busy = 0
  let shown = false
  for (;;) {
    const chunk = await assembly.take()
    if (chunk === null) return
    let kept = false
    try {
      const length = shown || chunk.length <= BLOB_QUICK_BYTES ? chunk.length : 1
      const answer = await lane.ask(chunk.offset, length)
      if (answer.type === 'absent') return
      if (answer.type === 'bytes') {
        busy = 0
        shown = true
        if (length < chunk.length) continue
        kept = true
        onBytes()
        assembly.put(chunk, answer.bytes)
        continue
      }
      busy += 1
      if (busy >= BLOB_BUSY_TRIES) return
      const waitMs = Math.min(answer.retryAfterMs, BLOB_BUSY_MAX_MS)
      assembly.giveBack(chunk)
      kept = true
      await sleep(clock, waitMs, signal)
    } finally {
      if (!kept) assembly.giveBack(chunk)
    }
  }
}
