/** Two different records that one author signed for the same place of a feed: proof that the author deceived somebody. */
import { concat, decodeRecord, equalBytes, RECORD_MAX_BYTES, verifyRecordSignature } from '@peercompute/job-specs'
import type { LedgerMessage } from '@peercompute/job-specs/protocol'
import type { FeedName } from './feed-name.ts'

export interface EquivocationProof {
  readonly feed: FeedName
  readonly seq: number
  /** Bytes of the record that this replica holds, and of the one that it met afterwards. */
  readonly held: Uint8Array
  readonly met: Uint8Array
}

/** True when both records are the author's, for that place, and differ. Needs nothing but the proof. */
export async function verifyEquivocation(proof: EquivocationProof): Promise<boolean> {
  if (equalBytes(proof.held, proof.met)) return false
  const signed = await Promise.all(
    [proof.held, proof.met].map(async (bytes) => {
      const record = decodeRecord(bytes)
      if (record === null || record.author !== proof.feed.author || record.epoch !== proof.feed.epoch || record.seq !== proof.seq)
        return false
      return verifyRecordSignature(bytes, record)
    })
  )
  return signed.every(Boolean)
}

type ForkMessage = Extract<LedgerMessage, { type: 'fork' }>

/** As it travels: one record after the other. */
export function encodeFork({ feed, seq, held, met }: EquivocationProof): {
  readonly message: ForkMessage
  readonly attachment: Uint8Array
} {
  return {
    message: { type: 'fork', author: feed.author, epoch: feed.epoch, seq, heldBytes: held.length },
    attachment: concat([held, met])
  }
}

/** Null when the attachment is shorter than it should be or holds no second record. It proves nothing yet. */
export function decodeFork({ author, epoch, seq, heldBytes }: ForkMessage, attachment: Uint8Array): EquivocationProof | null {
  if (attachment.length <= heldBytes || attachment.length > 2 * RECORD_MAX_BYTES) return null
  return {
    feed: { author, epoch },
    seq,
    held: new Uint8Array(attachment.subarray(0, heldBytes)),
    met: new Uint8Array(attachment.subarray(heldBytes))
  }
}
