/**
 * The structural gate: the one shape of Yjs update (format v1) that a feed can have, read and written byte by byte.
 *
 * `Y.decodeUpdate` builds whatever the bytes describe before anybody can object: 1.8 MB of sub-documents cost it 2.8 s and
 * 800 MB. This reader knows a single production, never recurses, allocates one view for each record, and stops at the first
 * byte that is out of place. What it returns is re-encoded before Yjs sees it, so no foreign byte reaches `applyUpdate`.
 *
 *   update  = 1, count, client, clock, count × item, 0        (one client; no delete set; every number a lib0 varUint)
 *   item    = info, place, record bytes (length-prefixed)
 *   place   = 1, "feed"           info 0x03: binary content, first of the root array
 *           | client, clock − 1   info 0x83: binary content, left origin is the item before
 */
import { createDecoder, hasContent, readUint8, readVarUint, type Decoder } from 'lib0/decoding'
import { createEncoder, toUint8Array, writeUint8, writeVarString, writeVarUint, writeVarUint8Array } from 'lib0/encoding'
import { FEED_RECORDS_MAX } from '@peercompute/job-specs/protocol'
import { FEED_ROOT } from './feed-name.ts'
import type { Refusal } from './ledger.ts'
import { UPDATE_MAX_BYTES } from './limits.ts'

const CONTENT_BITS = 0b0001_1111
const CONTENT_GC = 0
const CONTENT_BINARY = 3
const CONTENT_SKIP = 10
const HAS_PARENT_KEY = 0b0010_0000
const HAS_RIGHT_ORIGIN = 0b0100_0000
const HAS_ORIGIN = 0b1000_0000
const PARENT_IS_ROOT = 1

/** Most that an update needs beyond the records: info, origin client (5) and clock (2), length (3); once: counts, client, clock, root, deletes. */
export const ITEM_OVERHEAD_BYTES = 11
export const UPDATE_OVERHEAD_BYTES = 24

/** Records `from … from + records.length − 1` of a feed. The views share the update's memory. */
export interface FeedSlice {
  readonly from: number
  readonly records: readonly Uint8Array[]
}
export type FeedUpdate = ({ readonly ok: true } & FeedSlice) | { readonly ok: false; readonly refusal: Refusal }

class Misfit extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal)
    this.refusal = refusal
  }
}

/** Never throws. An update that carries nothing at all is `stale`. */
export function readFeedUpdate(client: number, update: Uint8Array): FeedUpdate {
  if (update.length > UPDATE_MAX_BYTES) return { ok: false, refusal: 'size' }
  try {
    return { ok: true, ...readUpdate(createDecoder(update), client) }
  } catch (error) {
    // lib0 throws plain errors at the end of the bytes and on integers past 2^53.
    return { ok: false, refusal: error instanceof Misfit ? error.refusal : 'structure' }
  }
}

function readUpdate(decoder: Decoder, client: number): FeedSlice {
  const clients = readVarUint(decoder)
  if (clients === 0) {
    readNoDeletes(decoder)
    throw new Misfit('stale')
  }
  if (clients !== 1) throw new Misfit('foreign-client')
  const count = readVarUint(decoder)
  if (readVarUint(decoder) !== client) throw new Misfit('foreign-client')
  const from = readVarUint(decoder)
  if (count === 0 || from + count > FEED_RECORDS_MAX) throw new Misfit('structure')
  const records: Uint8Array[] = []
  for (let clock = from; clock < from + count; clock++) records.push(readItem(decoder, client, clock))
  readNoDeletes(decoder)
  return { from, records }
}

function readItem(decoder: Decoder, client: number, clock: number): Uint8Array {
  if (!hasContent(decoder)) throw new Misfit('structure')
  const info = readUint8(decoder)
  const content = info & CONTENT_BITS
  if (content === CONTENT_GC || content === CONTENT_SKIP) throw new Misfit('structure')
  if (content !== CONTENT_BINARY) throw new Misfit('content')
  if ((info & HAS_PARENT_KEY) !== 0) throw new Misfit('root')
  if ((info & HAS_RIGHT_ORIGIN) !== 0) throw new Misfit('position')
  if (((info & HAS_ORIGIN) !== 0) !== clock > 0) throw new Misfit('position')
  if (clock === 0) readRoot(decoder)
  else if (readVarUint(decoder) !== client || readVarUint(decoder) !== clock - 1) throw new Misfit('position')
  return readBytes(decoder)
}

function readRoot(decoder: Decoder): void {
  if (readVarUint(decoder) !== PARENT_IS_ROOT) throw new Misfit('root')
  const length = readVarUint(decoder)
  if (length !== FEED_ROOT.length) throw new Misfit('root')
  const name = takeBytes(decoder, length)
  for (let i = 0; i < length; i++) if (name[i] !== FEED_ROOT.charCodeAt(i)) throw new Misfit('root')
}

function readBytes(decoder: Decoder): Uint8Array {
  return takeBytes(decoder, readVarUint(decoder))
}

/** lib0 checks against the underlying buffer, which may be larger than the update: check against the update. */
function takeBytes(decoder: Decoder, length: number): Uint8Array {
  if (length > decoder.arr.length - decoder.pos) throw new Misfit('structure')
  const bytes = decoder.arr.subarray(decoder.pos, decoder.pos + length)
  decoder.pos += length
  return bytes
}

function readNoDeletes(decoder: Decoder): void {
  if (readVarUint(decoder) !== 0) throw new Misfit('deletes')
  if (hasContent(decoder)) throw new Misfit('structure')
}

/** The update that Yjs itself would write for these records. `slice.records` must not be empty. */
export function writeFeedUpdate(client: number, slice: FeedSlice): Uint8Array {
  const encoder = createEncoder()
  writeVarUint(encoder, 1)
  writeVarUint(encoder, slice.records.length)
  writeVarUint(encoder, client)
  writeVarUint(encoder, slice.from)
  slice.records.forEach((record, index) => {
    const clock = slice.from + index
    writeUint8(encoder, clock === 0 ? CONTENT_BINARY : CONTENT_BINARY | HAS_ORIGIN)
    if (clock === 0) {
      writeVarUint(encoder, PARENT_IS_ROOT)
      writeVarString(encoder, FEED_ROOT)
    } else {
      writeVarUint(encoder, client)
      writeVarUint(encoder, clock - 1)
    }
    writeVarUint8Array(encoder, record)
  })
  writeVarUint(encoder, 0)
  return toUint8Array(encoder)
}

/** One update for several that carry a feed from its beginning, in order. Null when they do not. */
export function joinFeedUpdates(client: number, updates: readonly Uint8Array[]): Uint8Array | null {
  const [only, ...more] = updates
  if (only !== undefined && more.length === 0) return only
  const records: Uint8Array[] = []
  for (const update of updates) {
    const slice = readFeedUpdate(client, update)
    if (!slice.ok || slice.from !== records.length) return null
    for (const record of slice.records) records.push(record)
  }
  return records.length === 0 ? null : writeFeedUpdate(client, { from: 0, records })
}
