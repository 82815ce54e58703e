/** Two different records that one author signed for the same place of a feed: proof that the author deceived somebody. */
import { decodeRecord, equalBytes, verifyRecordSignature } from '@peercompute/job-specs'
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
