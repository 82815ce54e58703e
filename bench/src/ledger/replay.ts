/** What a newcomer does with the feeds that it is sent. Runs in Node and in a page alike. */
import { FrameReader, LEDGER_FRAME_MAX_BYTES, ledgerMessageSchema } from '@peercompute/job-specs/protocol'
import {
  createFold,
  createLedger,
  followLedger,
  memoryLedgerStore,
  verifyHere,
  type FeedName,
  type Ledger,
  type RecordVerifier
} from '@peercompute/ledger'

export interface ReceivedFeed {
  readonly feed: FeedName
  readonly update: Uint8Array
}

export function readFeeds(frames: Uint8Array): ReceivedFeed[] {
  return new FrameReader(LEDGER_FRAME_MAX_BYTES).push(frames).map(({ message, attachment }) => {
    const parsed = ledgerMessageSchema.parse(message)
    if (parsed.type !== 'update') throw new Error(`A frame of the type ${parsed.type}`)
    return { feed: { author: parsed.author, epoch: parsed.epoch }, update: attachment }
  })
}

export interface Replayed {
  readonly seconds: number
  readonly records: number
  readonly jobs: number
  readonly foldHash: string
  readonly stateHash: string
}

/** Takes everything, checked in full, and folds it. `start` makes what verifies; its start counts. Throws when something is refused. */
export async function replay(
  feeds: readonly ReceivedFeed[],
  root: string,
  start: () => RecordVerifier = () => verifyHere
): Promise<Replayed> {
  const from = performance.now()
  const ledger = emptyLedger(start())
  const fold = createFold(root)
  const unfollow = followLedger(ledger, fold)
  for (const { feed, update } of feeds) {
    const admission = await ledger.admit(feed, update)
    if (!admission.applied) throw new Error(`A feed was refused: ${admission.refusal}`)
  }
  const { jobs } = fold.state()
  const seconds = (performance.now() - from) / 1_000
  const records = ledger.heads().reduce((sum, { length }) => sum + length, 0)
  const replayed = { seconds, records, jobs: jobs.size, foldHash: ledger.foldHash(), stateHash: fold.stateHash() }
  unfollow()
  ledger.close()
  return replayed
}

/** Whether the last record of the last feed is refused with one bit of it changed: what is timed must be the full check. */
export async function refusesChange(feeds: readonly ReceivedFeed[]): Promise<boolean> {
  const last = feeds.at(-1)
  if (last === undefined) return false
  const update = new Uint8Array(last.update)
  // the update ends with the bytes of the last record and an empty delete set
  const place = update.length - 8
  update[place] = (update[place] ?? 0) ^ 1
  const ledger = emptyLedger(verifyHere)
  const { applied } = await ledger.admit(last.feed, update)
  ledger.close()
  return !applied
}

function emptyLedger(verifier: RecordVerifier): Ledger {
  return createLedger({ now: () => Date.now(), store: memoryLedgerStore(), verifier })
}
