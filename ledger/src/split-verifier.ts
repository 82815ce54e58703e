/** Several threads verify the parts of one long catch-up side by side: browsers check a signature in the thread that asks. */
import { recordHash } from '@peercompute/job-specs'
import { verifyHere, type RecordVerifier, type Verified } from './verify-records.ts'

/** Fewer are done by one thread in the time in which another starts. */
const RECORDS_PER_THREAD_MIN = 1_024

/** `verifiers`: one for each thread, used from the first on. */
export function createSplitVerifier(verifiers: readonly RecordVerifier[]): RecordVerifier {
  return {
    async verify(feed, position, records) {
      const count = Math.max(1, Math.min(verifiers.length, Math.floor(records.length / RECORDS_PER_THREAD_MIN)))
      const share = Math.ceil(records.length / count)
      const parts = Array.from({ length: count }, (_, part) => {
        const start = part * share
        const before = records[start - 1]
        // Where the parts meet, the hash is of this thread's own making: they are one chain or none.
        const from = before === undefined ? position : { seq: position.seq + start, hash: recordHash(before) }
        return (verifiers[part] ?? verifyHere).verify(feed, from, records.slice(start, start + share))
      })
      return join(await Promise.all(parts))
    },
    prepare() {
      verifiers[0]?.prepare?.()
    }
  }
}

/** What the first that refuses says, as if one had looked at all of them in order. */
function join(parts: readonly Verified[]): Verified {
  let hash = ''
  const entries = []
  for (const part of parts) {
    if (!part.ok) return part
    hash = part.hash
    for (const entry of part.entries) entries.push(entry)
  }
  return { ok: true, entries, hash }
}
