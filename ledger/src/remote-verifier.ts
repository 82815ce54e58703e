/**
 * Long catch-ups are verified in another thread, so that this one stays free. Bytes go over by transfer; entries come back parsed, a
 * part at a time, and need no second look. What the other thread does not answer is verified here.
 */
import type { KnownRecord, LedgerRecord } from '@peercompute/job-specs'
import type { FeedName } from './feed-name.ts'
import type { LedgerEntry, Refusal } from './ledger.ts'
import { verifyRecords, type FeedPosition, type RecordVerifier, type Verified } from './verify-records.ts'

/** What a Worker, a MessagePort and a worker's own scope have in common. */
export interface VerifierPort {
  postMessage(message: unknown, transfer: Transferable[]): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
}

/** Fewer are verified at once where they are: going over costs about as much. */
export const REMOTE_RECORDS_MIN = 256
/** Entries that come back together: reading them takes this thread some milliseconds. */
const ENTRIES_AT_ONCE = 256
/** A thread that is silent for so long has died or hangs. */
const SILENCE_MS = 20_000

interface Question {
  readonly id: number
  readonly feed: FeedName
  readonly position: FeedPosition
  /** All records, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly lengths: readonly number[]
}
/** The checked body of a typed record stands for the record's own, too: bodies are most of what goes over. */
type Checked = readonly [record: LedgerRecord | KnownRecord, known: 'typed' | 'unknown' | null]
type Answer =
  | { readonly id: number; readonly part: readonly Checked[] }
  | { readonly id: number; readonly ok: true; readonly hash: string }
  | { readonly id: number; readonly ok: false; readonly refusal: Refusal }

/** The other thread: answers until it is ended. */
export function serveVerifier(port: VerifierPort): void {
  port.addEventListener('message', ({ data }) => {
    void answer(port, data as Question)
  })
}

async function answer(port: VerifierPort, { id, feed, position, bytes, lengths }: Question): Promise<void> {
  let end = 0
  const records = lengths.map((length) => bytes.subarray(end, (end += length)))
  const verified = await verifyRecords(feed, position, records)
  const say = (message: Answer) => {
    port.postMessage(message, [])
  }
  if (!verified.ok) {
    say({ id, ok: false, refusal: verified.refusal })
    return
  }
  for (let start = 0; start < verified.entries.length; start += ENTRIES_AT_ONCE) {
    const part = verified.entries.slice(start, start + ENTRIES_AT_ONCE)
    say({
      id,
      part: part.map(({ record, known }): Checked => (known === null || known === 'unknown' ? [record, known] : [known, 'typed']))
    })
  }
  say({ id, ok: true, hash: verified.hash })
}

interface Waiting {
  readonly feed: FeedName
  readonly entries: LedgerEntry[]
  readonly settle: (verified: Verified | null) => void
  heard: boolean
}

export interface RemoteVerifier extends RecordVerifier {
  /** The other thread is known to be gone: everything, what waits for it included, is verified here. */
  giveUp(): void
}

/** `port`: a thread in which `serveVerifier` runs. It stays the caller's to end, when the ledger is closed. */
export function createRemoteVerifier(port: VerifierPort): RemoteVerifier {
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let silent = false
  port.addEventListener('message', ({ data }) => {
    const said = data as Answer
    const question = waiting.get(said.id)
    if (question === undefined) return
    question.heard = true
    if ('part' in said) for (const checked of said.part) question.entries.push(entryOf(question.feed, checked))
    else question.settle(said.ok ? { ok: true, entries: question.entries, hash: said.hash } : said)
  })

  function ask(feed: FeedName, position: FeedPosition, records: readonly Uint8Array[]): Promise<Verified | null> {
    const id = ++lastId
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined
      const question: Waiting = {
        feed,
        entries: [],
        heard: false,
        settle: (verified) => {
          clearTimeout(timer)
          waiting.delete(id)
          resolve(verified)
        }
      }
      const watch = () => {
        question.heard = false
        timer = setTimeout(() => {
          if (question.heard) watch()
          else question.settle(null)
        }, SILENCE_MS)
      }
      waiting.set(id, question)
      watch()
      const bytes = new Uint8Array(records.reduce((sum, { length }) => sum + length, 0))
      records.reduce((offset, record) => (bytes.set(record, offset), offset + record.length), 0)
      port.postMessage({ id, feed, position, bytes, lengths: records.map(({ length }) => length) } satisfies Question, [bytes.buffer])
    })
  }

  return {
    async verify(feed, position, records) {
      if (silent || records.length < REMOTE_RECORDS_MIN) return verifyRecords(feed, position, records)
      const verified = await ask({ ...feed }, position, records)
      if (verified !== null) return verified
      silent = true
      return verifyRecords(feed, position, records)
    },
    giveUp() {
      silent = true
      for (const question of [...waiting.values()]) question.settle(null)
    }
  }
}

function entryOf(feed: FeedName, [record, known]: Checked): LedgerEntry {
  return { feed, record, known: known === 'typed' ? (record as KnownRecord) : known }
}
