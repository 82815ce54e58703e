/** A feed of an installation that checks nothing of what it writes: a sound chain of records with whatever inside. */
import {
  certifyHost,
  encodeRecord,
  generateKeyPair,
  recordHash,
  type AuthorId,
  type KeyPair,
  type RecordBody,
  type RecordHead,
  type RecordType
} from '@peercompute/job-specs'
import { feedClientId, type Ledger } from '@peercompute/ledger'
import { writeFeedUpdate } from '@peercompute/ledger/testing'

export interface HostileFeed {
  add<T extends RecordType>(type: T, body: RecordBody<T>): Promise<void>
  /** All that was added, to the replica, which passes it on. Rejects when that refuses an update. */
  send(): Promise<void>
}

/** Well within the largest update that a replica takes. */
const RECORDS_AT_ONCE = 20

/** Of a fresh installation that speaks for the account. */
export async function hostileFeed(ledger: Pick<Ledger, 'admit'>, account: KeyPair): Promise<HostileFeed> {
  const installation = await generateKeyPair({ extractable: true })
  const feed = { author: installation.publicKey as AuthorId, epoch: 0 }
  const records: Uint8Array[] = []
  let head: RecordHead | null = null
  const add: HostileFeed['add'] = async (type, body) => {
    const bytes = await encodeRecord(installation, { epoch: feed.epoch, head }, type, body, Date.now())
    head = { epoch: feed.epoch, seq: records.length, hash: recordHash(bytes) }
    records.push(bytes)
  }
  await add('feed.open', { certificate: await certifyHost(account, installation.publicKey, '', Date.now()) })
  return {
    add,
    async send() {
      for (let from = 0; from < records.length; from += RECORDS_AT_ONCE) {
        const part = records.slice(from, from + RECORDS_AT_ONCE)
        const answer = await ledger.admit(feed, writeFeedUpdate(feedClientId(feed), { from, records: part }))
        if (!answer.applied) throw new Error(`The replica refuses the feed: ${answer.refusal}`)
      }
    }
  }
}
