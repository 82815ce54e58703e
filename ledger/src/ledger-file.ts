/**
 * A ledger as one portable file: what any peer would tell a newcomer, in the frames in which it would. First a heading, then the
 * feed with the checkpoint and its snapshot, then the other feeds and the proofs of forks. Nothing in it is trusted: it comes in through the same gate as foreign bytes.
 */
import { concat, PeerComputeError, type Bytes, type RootId } from '@peercompute/job-specs'
import {
  decodeFrames,
  encodeFrame,
  LEDGER_FILE_MAX_BYTES,
  LEDGER_FRAME_MAX_BYTES,
  ledgerFileHeadingSchema,
  ledgerMessageSchema,
  type Frame
} from '@peercompute/job-specs/protocol'
import type { CheckpointMark } from './checkpoint.ts'
import { createLedger } from './create-ledger.ts'
import { decodeFork, encodeFork } from './equivocation.ts'
import { createFold, followLedger } from './fold.ts'
import { feedClientId, feedKey, type FeedName } from './feed-name.ts'
import { readFeedUpdate } from './feed-update.ts'
import type { Ledger, Refusal } from './ledger.ts'
import { memoryLedgerStore } from './store.ts'

export interface RefusedPart {
  /** Null for the snapshot. */
  readonly feed: FeedName | null
  /** `snapshot`: no checkpoint in the file names it, or it is none. */
  readonly refusal: Refusal | 'snapshot'
}

export interface LedgerFileReport {
  /** Whose word counted: what was asked for, else what the file says, else the only root that certified a coordinator in it. */
  readonly root: RootId | null
  readonly feeds: number
  readonly records: number
  readonly refused: readonly RefusedPart[]
  readonly forks: readonly { readonly feed: FeedName; readonly seq: number }[]
  readonly checkpoint: CheckpointMark | null
  /** Newest checkpoint whose snapshot the file lacks. */
  readonly wanted: CheckpointMark | null
  readonly jobs: number
  /** Null without a root. */
  readonly stateHash: string | null
}

/** All feeds, forks and the checkpoint that this replica holds. What the checkpoint says comes first: it may spare the rest. */
export function exportLedger(ledger: Ledger): Bytes {
  const checkpoint = ledger.checkpoint()
  const first = checkpoint === null ? null : feedKey(checkpoint.feed)
  const frames = [encodeFrame({ type: 'peercompute-ledger', v: 1, root: ledger.root })]
  for (const head of [...ledger.heads()].sort((a, b) => Number(feedKey(b) === first) - Number(feedKey(a) === first))) {
    const { author, epoch } = head
    const update = ledger.updateFrom(head, 0)
    if (update !== null) frames.push(encodeFrame({ type: 'update', author, epoch }, update))
    if (checkpoint !== null && feedKey(head) === first)
      frames.push(encodeFrame({ type: 'snapshot', sha256: checkpoint.sha256 }, checkpoint.encoded))
    const fork = ledger.fork(head)
    if (fork !== null) {
      const { message, attachment } = encodeFork(fork)
      frames.push(encodeFrame(message, attachment))
    }
  }
  return concat(frames)
}

/**
 * Adds what a file holds, as far as it verifies. Follow a root first to take its snapshot, too; with `uncovered`, feeds that it sums up
 * are left out, as they are when peers tell the ledger. Throws FRAME_INVALID for no such file.
 */
export async function importLedger(ledger: Ledger, bytes: Uint8Array, feeds: 'all' | 'uncovered' = 'all'): Promise<readonly RefusedPart[]> {
  return takeIn(ledger, readFile(bytes).frames, feeds)
}

/** Checks every record, signature and hash of a file by itself. Throws FRAME_INVALID when it is no ledger file. */
export async function verifyLedgerFile(bytes: Uint8Array, root?: RootId): Promise<LedgerFileReport> {
  const file = readFile(bytes)
  const everything = { feeds: Number.MAX_SAFE_INTEGER, feedsPerAuthor: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER }
  const ledger = createLedger({ now: () => 0, store: memoryLedgerStore(), limits: everything })
  try {
    // Without the snapshot first: which root to follow may be known from the feeds alone, and following drops what it covers.
    const refused = await takeIn(
      ledger,
      file.frames.filter(({ message }) => !isSnapshot(message))
    )
    const heads = ledger.heads()
    const forks = heads.flatMap((head) => ledger.fork({ author: head.author, epoch: head.epoch }) ?? [])
    const followed = root ?? file.root ?? onlyRoot(ledger)
    if (followed !== null) ledger.follow(followed)
    refused.push(
      ...(await takeIn(
        ledger,
        file.frames.filter(({ message }) => isSnapshot(message))
      ))
    )
    const fold = followed === null ? null : createFold(followed)
    if (fold !== null) followLedger(ledger, fold)
    const checkpoint = ledger.checkpoint()
    return {
      root: followed,
      feeds: heads.length,
      records: heads.reduce((sum, { length }) => sum + length, 0),
      refused,
      forks: forks.map(({ feed, seq }) => ({ feed, seq })),
      checkpoint: checkpoint === null ? null : markOf(checkpoint),
      wanted: ledger.wantedSnapshot(),
      jobs: fold?.state().jobs.size ?? 0,
      stateHash: fold?.stateHash() ?? null
    }
  } finally {
    ledger.close()
  }
}

function markOf({ feed, serial, sha256, bytes }: CheckpointMark): CheckpointMark {
  return { feed, serial, sha256, bytes }
}

function readFile(bytes: Uint8Array): { readonly root: RootId | null; readonly frames: readonly Frame[] } {
  if (bytes.length > LEDGER_FILE_MAX_BYTES)
    throw new PeerComputeError('FRAME_INVALID', `a ledger file of ${bytes.length} bytes, allowed are ${LEDGER_FILE_MAX_BYTES}`)
  const [first, ...frames] = decodeFrames(bytes, LEDGER_FRAME_MAX_BYTES)
  const heading = ledgerFileHeadingSchema.safeParse(first?.message)
  if (!heading.success) throw new PeerComputeError('FRAME_INVALID', 'the file does not begin like a ledger')
  return { root: heading.data.root, frames }
}

async function takeIn(ledger: Ledger, frames: readonly Frame[], feeds: 'all' | 'uncovered' = 'all'): Promise<RefusedPart[]> {
  const refused: RefusedPart[] = []
  for (const { message, attachment } of frames) {
    const parsed = ledgerMessageSchema.safeParse(message)
    if (!parsed.success) throw new PeerComputeError('FRAME_INVALID', 'a frame of the file is none of a ledger')
    const part = parsed.data
    if (part.type === 'update') {
      const feed = { author: part.author, epoch: part.epoch }
      const carried = readFeedUpdate(feedClientId(feed), attachment)
      if (feeds === 'uncovered' && carried.ok && ledger.covered(feed, carried.from + carried.records.length)) continue
      const admission = await ledger.admit(feed, attachment)
      if (!admission.applied && admission.refusal !== 'stale') refused.push({ feed, refusal: admission.refusal })
    } else if (part.type === 'fork') {
      const proof = decodeFork(part, attachment)
      if (proof === null || (await ledger.learnFork(proof)) === 'false')
        refused.push({ feed: { author: part.author, epoch: part.epoch }, refusal: 'signature' })
    } else if (part.type === 'snapshot') {
      const known = ledger.checkpoint()?.sha256 === part.sha256
      if (!known && !(await ledger.adopt(attachment))) refused.push({ feed: null, refusal: 'snapshot' })
    }
  }
  return refused
}

function isSnapshot(message: unknown): boolean {
  return ledgerMessageSchema.safeParse(message).data?.type === 'snapshot'
}

function onlyRoot(ledger: Ledger): RootId | null {
  const roots = new Set<RootId>()
  for (const head of ledger.heads()) {
    const known = ledger.entries(head)[0]?.known
    if (known !== undefined && known !== null && known !== 'unknown' && known.type === 'coordinator.open')
      roots.add(known.body.certificate.root)
  }
  const [root, ...others] = roots
  return root !== undefined && others.length === 0 ? root : null
}
