/** Thirteen crafted attacks on Yjs, and what else breaks an unguarded document, against a feed that is held. */
import { canonicalBytes, concat, encodeRecord, fromBase64Url, sign, type JobId, type KeyPair } from '@peercompute/job-specs'
import { writeUint8, writeVarString, writeVarUint } from 'lib0/encoding'
import * as Y from 'yjs'
import { FEED_ROOT, feedClientId, type FeedName, type Refusal } from '@peercompute/ledger'
import { writeFeedUpdate } from '../src/feed-update.ts'
import { numbers, raw } from './forge.ts'

export interface Attack {
  readonly name: string
  readonly feed: FeedName
  readonly update: Uint8Array
  readonly refusal: Refusal
}

export interface Target {
  readonly feed: FeedName
  /** Records held, and the hash of the last of them. */
  readonly length: number
  readonly hash: string
}

const job = '0'.repeat(64) as JobId

/** `evil`: the attacker's own key, which signs whatever it likes. */
export async function attacksOn({ feed, length, hash }: Target, evil: KeyPair): Promise<Attack[]> {
  const client = feedClientId(feed)
  const own: FeedName = { author: evil.publicKey as FeedName['author'], epoch: feed.epoch }
  const me = feedClientId(own)
  const head = { epoch: feed.epoch, seq: length - 1, hash }
  const byEvil = await encodeRecord(evil, { epoch: feed.epoch, head }, 'job.cancel', { job }, 1)
  const asVictim = await encodeRecord(
    { publicKey: feed.author, privateKey: evil.privateKey },
    { epoch: feed.epoch, head },
    'job.cancel',
    { job },
    1
  )
  const next = (record: Uint8Array) => writeFeedUpdate(client, { from: length, records: [record] })
  const attack = (name: string, refusal: Refusal, update: Uint8Array, on = feed): Attack => ({ name, feed: on, update, refusal })
  return [
    attack(
      'a delete set that wipes the victim',
      'deletes',
      raw((e) => {
        numbers(e, 0, 1, client, 1, 0, 100_000)
      })
    ),
    attack("a record of the attacker's under the victim's client id", 'record', next(byEvil)),
    attack('a record that claims to be the victim', 'signature', next(asVictim)),
    attack('a gap in the clock', 'gap', writeFeedUpdate(me, { from: 7, records: [byEvil] }), own),
    attack('a gap in the sequence', 'record', writeFeedUpdate(me, { from: 0, records: [byEvil] }), own),
    attack(
      'a huge clock',
      'structure',
      raw((e) => {
        numbers(e, 1, 1, client, 2 ** 31, 0, 10, 0)
      })
    ),
    attack(
      'a GC struct of length 2^53',
      'structure',
      raw((e) => {
        numbers(e, 1, 1, client, 0, 0, Number.MAX_SAFE_INTEGER - 1, 0)
      })
    ),
    attack(
      '2^32 declared structs',
      'structure',
      raw((e) => {
        numbers(e, 1, 2 ** 32, client, 0)
      })
    ),
    attack('a value of 300 kB', 'record', next(new Uint8Array(300_000).fill(0x78))),
    attack('maps nested 300 deep', 'content', byYjs(client, nestMaps)),
    attack('JSON nested 20 000 deep', 'content', deepJson(client, length)),
    attack('a key __proto__ in a signed record', 'record', next(await polluted(evil, feed, length, hash))),
    attack(
      'another root',
      'root',
      byYjs(client, (doc) => doc.getArray('credit').push([new Uint8Array(9)]))
    ),
    attack(
      'twenty thousand clients',
      'foreign-client',
      raw((e) => {
        writeVarUint(e, 20_000)
        for (let i = 0; i < 20_000; i++) numbers(e, 1, i, 0, 0, 1)
        writeVarUint(e, 0)
      })
    ),
    attack(
      'a key __proto__ in a map',
      'content',
      byYjs(client, (doc) => doc.getMap(FEED_ROOT).set('__proto__', { a: 1 }))
    )
  ]
}

function byYjs(client: number, change: (doc: Y.Doc) => unknown): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = client
  change(doc)
  return Y.encodeStateAsUpdate(doc)
}

function nestMaps(doc: Y.Doc): void {
  let map = doc.getMap(FEED_ROOT)
  for (let depth = 0; depth < 300; depth++) {
    const inner = new Y.Map<unknown>()
    map.set('n', inner)
    map = inner
  }
}

function deepJson(client: number, from: number): Uint8Array {
  return raw((e) => {
    numbers(e, 1, 1, client, from)
    writeUint8(e, 0x88)
    numbers(e, client, from - 1, 1)
    for (let depth = 0; depth < 20_000; depth++) {
      writeUint8(e, 117)
      writeVarUint(e, 1)
      writeVarString(e, 'k')
    }
    writeUint8(e, 126)
    writeVarUint(e, 0)
  })
}

/** zod drops the key, so that the signature over what is left would hold. */
async function polluted(key: KeyPair, feed: FeedName, seq: number, prev: string): Promise<Uint8Array> {
  const record = { v: 1, type: 'job.cancel', author: feed.author, epoch: feed.epoch, seq, prev, ts: 1, body: { job } }
  const signature = fromBase64Url(await sign(key, 'record', record))
  const sent = JSON.parse(JSON.stringify({ ...record, body: { job, x: 1 } }).replace('"x"', '"__proto__"')) as object
  return concat([signature, canonicalBytes(sent)])
}
