import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ContentHash } from '@peercompute/job-specs'
import { settledUnit } from '../testing/drive-store.ts'
import { HolderTable } from './holders.ts'
import { MIGRATIONS } from './schema.ts'
import { decodeVotes, encodeVotes } from './votes.ts'

const database = new DatabaseSync(':memory:')
for (const migration of MIGRATIONS) database.exec(migration)
const holders = new HolderTable(database)
const unit = settledUnit(1)
const other = settledUnit(2).digest

it('votes come back as they were', () => {
  const vote = fc.record({
    epoch: fc.integer({ min: 1 }),
    holder: fc.constantFrom(...unit.votes.map(({ holder }) => holder)),
    numericClass: fc.string(),
    probeVersion: fc.constantFrom(1, 7),
    verdict: fc.constantFrom('canonical' as const, 'agrees' as const, 'rejected' as const),
    digest: fc.constantFrom<ContentHash>(unit.digest, other),
    computeMs: fc.double({ min: 0, max: 1e9, noNaN: true }).map((ms) => ms + 0),
    metric: fc.constantFrom(0, 0.25, Number.MAX_VALUE),
    bound: fc.constantFrom(0, 1)
  })
  fc.assert(
    fc.property(fc.array(vote, { maxLength: 5 }), (votes) => {
      expect(decodeVotes(encodeVotes(votes, holders, unit.digest), holders, unit.digest)).toEqual(votes)
    })
  )
})

it('an ordinary vote takes a few bytes, whoever cast it', () => {
  const text = encodeVotes(
    unit.votes.map((vote) => ({ ...vote, computeMs: 12.5 })),
    holders,
    unit.digest
  )
  expect(text).toMatch(/^\[\[3,\d,"test","c",12\.5\],\[4,\d,"test","a",12\.5\]\]$/)
})

it('what is none is refused', () => {
  for (const text of ['{}', '[[1,1,"test"]]', '[[1,1,"test","x"]]', '[[1,1,"test","c",1,1,"no digest"]]'])
    expect(() => decodeVotes(text, holders, unit.digest)).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }))
})
