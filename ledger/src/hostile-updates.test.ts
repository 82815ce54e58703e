/** Updates of a shape that no feed has: nothing may change, nothing may throw. */
import { concat, NO_PREVIOUS, recordHash } from '@peercompute/job-specs'
import { writeUint8, writeVarString, writeVarUint, writeVarUint8Array } from 'lib0/encoding'
import * as Y from 'yjs'
import { expect, test } from 'vitest'
import { newLedger, openInstallation, wholeFeed } from '../test/fixtures.ts'
import { bytesOf, numbers, raw, recordsOf } from '../test/forge.ts'
import { account, evil, feed, client, honest, records, newReplica, expectRefused, recordAfter } from '../test/hostile-scene.ts'
import { writeFeedUpdate } from './feed-update.ts'
import { FEED_ROOT } from './index.ts'
import { UPDATE_MAX_BYTES } from './limits.ts'

test("a write under a client id that is not the feed's is refused", async () => {
  await expectRefused(
    yjs((array) => array.push([bytesOf(records, 0)]), { clientID: 4711, from: null }),
    'foreign-client'
  )
})

test("another author's feed cannot be passed off as this one", async () => {
  const other = newLedger()
  const theirs = await openInstallation(other, evil, account)
  await expectRefused(wholeFeed(other, theirs), 'foreign-client')
  await expectRefused(writeFeedUpdate(client, { from: 0, records: recordsOf(wholeFeed(other, theirs)) }), 'record')
})

test('a delete set is refused, alone and beside a record', async () => {
  await expectRefused(
    raw((e) => {
      numbers(e, 0, 1, client, 1, 0, 100_000)
    }),
    'deletes'
  )
  await expectRefused(
    yjs((array) => array.delete(0, 3)),
    'deletes'
  )
  const next = await recordAfter(records.length, recordHash(bytesOf(records, 2)))
  const withDelete = writeFeedUpdate(client, { from: 3, records: [next] })
  await expectRefused(
    concat([
      withDelete.subarray(0, -1),
      raw((e) => {
        numbers(e, 1, client, 1, 0, 1)
      })
    ]),
    'deletes'
  )
})

test('an item at the head, in the middle, or with a right origin is refused', async () => {
  await expectRefused(
    yjs((array) => array.insert(0, [bytesOf(records, 0)])),
    'position'
  )
  await expectRefused(
    yjs((array) => array.insert(1, [bytesOf(records, 0)])),
    'position'
  )
})

test('a right origin is refused even where the left one is as it must be', async () => {
  const item = raw((e) => {
    numbers(e, 1, 1, client, 3)
    writeUint8(e, 0xc3)
    numbers(e, client, 2, client, 1)
    writeVarUint8Array(e, bytesOf(records, 0))
    writeVarUint(e, 0)
  })
  await expectRefused(item, 'position')
})

test('an origin that is not the item before is refused', async () => {
  const item = (originClient: number, originClock: number) =>
    raw((e) => {
      numbers(e, 1, 1, client, 3)
      writeUint8(e, 0x83)
      numbers(e, originClient, originClock)
      writeVarUint8Array(e, bytesOf(records, 0))
      writeVarUint(e, 0)
    })
  await expectRefused(item(4711, 2), 'position')
  await expectRefused(item(client, 1), 'position')
})

test('another root, a map key, or an item inside another is refused', async () => {
  await expectRefused(
    yjs((_, doc) => doc.getArray('credit').push([bytesOf(records, 0)]), { from: null }),
    'root'
  )
  await expectRefused(
    yjs((_, doc) => doc.getMap(FEED_ROOT).set('k', bytesOf(records, 0)), { from: null }),
    'root'
  )
  await expectRefused(
    raw((e) => {
      numbers(e, 1, 1, client, 0)
      writeUint8(e, 0x03)
      numbers(e, 0, client, 0)
      writeVarUint8Array(e, new Uint8Array(9))
      writeVarUint(e, 0)
    }),
    'root'
  )
})

test('content other than bytes is refused: JSON, text, types, sub-documents', async () => {
  await expectRefused(
    yjs((array) => array.push([{ a: 1 }])),
    'content'
  )
  await expectRefused(
    yjs((array) => array.push(['text'])),
    'content'
  )
  await expectRefused(
    yjs((array) => array.push([new Y.Map()])),
    'content'
  )
  await expectRefused(
    yjs((array) => array.push([new Y.Doc()])),
    'content'
  )
  await expectRefused(
    yjs(
      (_, doc) => {
        doc.getText(FEED_ROOT).insert(0, 'x')
      },
      { from: null }
    ),
    'content'
  )
})

test('two megabytes of sub-documents are refused at the first one, without building any', async () => {
  const update = raw((e) => {
    numbers(e, 1, 9_000, client, 0)
    while (e.cpos + e.bufs.reduce((sum, b) => sum + b.length, 0) < UPDATE_MAX_BYTES - 100) {
      writeUint8(e, 0x89)
      numbers(e, client, 0)
      writeVarString(e, '')
      writeUint8(e, 118)
      writeVarUint(e, 0)
    }
  })
  const started = performance.now()
  await expectRefused(update, 'content')
  expect(performance.now() - started).toBeLessThan(1_000)
})

test('JSON nested 20 000 deep is refused', async () => {
  const deepItem = raw((e) => {
    numbers(e, 1, 1, client, 3)
    writeUint8(e, 0x88)
    numbers(e, client, 2, 1)
    for (let i = 0; i < 20_000; i++) {
      writeUint8(e, 117)
      writeVarUint(e, 1)
    }
    writeUint8(e, 126)
    writeVarUint(e, 0)
  })
  await expectRefused(deepItem, 'content')
  const deepRecord = concat([new Uint8Array(64), new TextEncoder().encode('['.repeat(40_000) + ']'.repeat(40_000))])
  await expectRefused(writeFeedUpdate(client, { from: 3, records: [deepRecord] }), 'record', 'gap')
})

test('a GC or Skip of length 2^53 − 1 is refused', async () => {
  await expectRefused(
    raw((e) => {
      numbers(e, 1, 1, client, 0, 0, Number.MAX_SAFE_INTEGER, 0)
    }),
    'structure'
  )
  await expectRefused(
    raw((e) => {
      numbers(e, 1, 1, client, 0, 10, Number.MAX_SAFE_INTEGER, 0)
    }),
    'structure'
  )
})

test('2^32 declared structs, clients or bytes are refused', async () => {
  await expectRefused(
    raw((e) => {
      numbers(e, 1, 2 ** 32, client, 0)
    }),
    'structure'
  )
  await expectRefused(
    raw((e) => {
      numbers(e, 2 ** 32, 1, client, 0)
    }),
    'foreign-client'
  )
  await expectRefused(
    raw((e) => {
      numbers(e, 1, 1, client, 3)
      writeUint8(e, 0x83)
      numbers(e, client, 2, 2 ** 32)
    }),
    'structure'
  )
  await expectRefused(
    raw((e) => {
      numbers(e, 1, 1, client, 2 ** 31)
      writeUint8(e, 0x83)
    }),
    'structure'
  )
})

test('a length that reaches past the update into the memory around it is refused', async () => {
  const around = concat([writeFeedUpdate(client, { from: 3, records: [new Uint8Array(50)] }), new Uint8Array(100)])
  await expectRefused(around.subarray(0, 40), 'structure')
})

test('bytes after the end are refused', async () => {
  await expectRefused(concat([honest, Uint8Array.of(0)]), 'structure')
})

test('an update over the limit is refused unread', async () => {
  await expectRefused(new Uint8Array(UPDATE_MAX_BYTES + 1), 'size')
})

test('a replay is stale, a jump is a gap', async () => {
  const replica = await newReplica()
  expect(await replica.admit(feed, honest)).toEqual({ applied: false, refusal: 'stale' })
  const next = await recordAfter(9, NO_PREVIOUS)
  await expectRefused(writeFeedUpdate(client, { from: 9, records: [next] }), 'gap')
})

/** What Yjs itself writes for a change under the feed's own client id, on top of the honest feed (or of nothing). */
function yjs(change: (array: Y.Array<unknown>, doc: Y.Doc) => unknown, options: { clientID?: number; from?: null } = {}): Uint8Array {
  const doc = new Y.Doc()
  if (options.from !== null) Y.applyUpdate(doc, honest)
  const before = Y.encodeStateVector(doc)
  doc.clientID = options.clientID ?? client
  const array = options.from === null ? new Y.Array<unknown>() : doc.getArray<unknown>(FEED_ROOT)
  if (options.clientID === undefined) change(array, doc)
  else change(doc.getArray<unknown>(FEED_ROOT), doc)
  return Y.encodeStateAsUpdate(doc, before)
}
