import * as fc from 'fast-check'
import * as Y from 'yjs'
import { expect, test } from 'vitest'
import { readFeedUpdate, writeFeedUpdate, ITEM_OVERHEAD_BYTES, UPDATE_OVERHEAD_BYTES } from './feed-update.ts'
import { feedClientId, FEED_ROOT } from './feed-name.ts'
import type { AuthorId } from '@peercompute/job-specs'

const client = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const records = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 })

test('writes byte for byte what Yjs writes for the same appends, from any place', () => {
  fc.assert(
    fc.property(client, records, fc.nat(19), (clientID, list, nat) => {
      const from = nat % list.length
      const doc = new Y.Doc()
      doc.clientID = clientID
      for (const record of list) doc.getArray(FEED_ROOT).push([record])
      const tail = Y.encodeStateAsUpdate(doc, Y.encodeStateVector(new Map([[clientID, from]])))
      expect(writeFeedUpdate(clientID, { from, records: list.slice(from) })).toEqual(tail)
    })
  )
})

test('reads back what it writes, and Y.decodeUpdate sees the same items', () => {
  fc.assert(
    fc.property(client, records, fc.nat(5_000), (clientID, list, from) => {
      const update = writeFeedUpdate(clientID, { from, records: list })
      expect(readFeedUpdate(clientID, update)).toEqual({ ok: true, from, records: list })
      const { structs, ds } = Y.decodeUpdate(update)
      expect(ds.clients.size).toBe(0)
      expect(structs.map(({ id }) => [id.client, id.clock])).toEqual(list.map((_, index) => [clientID, from + index]))
      expect(
        structs.map((item) => (item instanceof Y.Item && item.content instanceof Y.ContentBinary ? item.content.content : null))
      ).toEqual(list)
      const bound = list.reduce((sum, record) => sum + record.length + ITEM_OVERHEAD_BYTES, UPDATE_OVERHEAD_BYTES)
      expect(update.length).toBeLessThanOrEqual(bound)
    })
  )
})

test('any cut of an update is refused without a throw', () => {
  const update = writeFeedUpdate(7, { from: 0, records: [new Uint8Array(40), new Uint8Array(300)] })
  for (let end = 0; end < update.length; end++)
    expect(readFeedUpdate(7, update.subarray(0, end))).toEqual({ ok: false, refusal: 'structure' })
})

test('a feed has the client id and guid that its name gives it', () => {
  expect(feedClientId({ author: 'A'.repeat(43) as AuthorId, epoch: 0 })).toBe(224742262)
  expect(feedClientId({ author: 'A'.repeat(43) as AuthorId, epoch: 1 })).toBe(4080538365)
})
