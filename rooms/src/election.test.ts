import { ROOM_GONE_MS } from '@peercompute/job-specs/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { electLeader, type Candidate } from './election.ts'

const NOW = 1_700_000_000_000

function member(peer: string, change: Partial<Candidate> = {}): Candidate {
  return { peer, joinedAt: NOW, term: 0, heardAt: NOW, ...change }
}

describe('electLeader', () => {
  it.each<[string, Candidate[], string | null]>([
    ['nobody leads an empty room', [], null],
    ['who is alone leads', [member('a')], 'a'],
    ['the member that joined first leads', [member('a', { joinedAt: NOW - 1 }), member('b', { joinedAt: NOW - 2 })], 'b'],
    ['ties go to the smaller key', [member('b'), member('a')], 'a'],
    ['the present leader stays when an older member comes', [member('a', { joinedAt: 0 }), member('b', { term: 1 })], 'b'],
    ['a leader that is no longer heard is gone', [member('a', { term: 3, heardAt: NOW - ROOM_GONE_MS }), member('b')], 'b'],
    ['a leader that is still heard is not', [member('a', { term: 3, heardAt: NOW - ROOM_GONE_MS + 1 }), member('b')], 'a'],
    ['of two leaders the higher term wins', [member('a', { term: 1 }), member('b', { term: 2 })], 'b'],
    ['of two leaders of one term the smaller key wins', [member('b', { term: 2, joinedAt: 0 }), member('a', { term: 2 })], 'a'],
    ['nobody is heard', [member('a', { heardAt: 0 })], null]
  ])('%s', (_, members, leader) => {
    expect(electLeader(members, NOW)?.peer ?? null).toBe(leader)
  })

  const candidates = fc.uniqueArray(
    fc.record({
      peer: fc.string({ minLength: 1, maxLength: 4 }),
      joinedAt: fc.integer({ min: NOW - 3, max: NOW }),
      term: fc.integer({ min: 0, max: 3 }),
      heardAt: fc.integer({ min: NOW - ROOM_GONE_MS - 2, max: NOW })
    }),
    { selector: ({ peer }) => peer, maxLength: 8 }
  )

  it('names the same leader for everybody with the same view, in whatever order they heard', () => {
    fc.assert(
      fc.property(
        candidates.chain((members) => fc.tuple(fc.constant(members), fc.shuffledSubarray(members, { minLength: members.length }))),
        ([members, shuffled]) => {
          expect(electLeader(shuffled, NOW)).toEqual(electLeader(members, NOW))
        }
      )
    )
  })

  it('lets no newcomer that does not lead take over from a leader', () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 0, max: NOW }), (members, joinedAt) => {
        const before = electLeader(members, NOW)
        fc.pre(before !== null && before.term > 0)
        expect(electLeader([...members, member('newcomer', { joinedAt })], NOW)).toEqual(before)
      })
    )
  })

  it('names somebody whenever somebody is there', () => {
    fc.assert(
      fc.property(candidates, (members) => {
        const present = members.filter(({ heardAt }) => NOW - heardAt < ROOM_GONE_MS)
        const leader = electLeader(members, NOW)
        expect(leader === null).toBe(present.length === 0)
        if (leader !== null) expect(present).toContainEqual(leader)
      })
    )
  })
})
