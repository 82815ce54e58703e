import { describe, expect, it } from 'vitest'
import { EMPTY_ROOM, roomJobCounts, roomNote, roomSentence, type RoomJobView, type RoomMemberView, type RoomPicture } from './room.ts'

const me: RoomMemberView = { peer: 'a', host: 'A'.repeat(43), label: '', leads: true, self: true }
const other: RoomMemberView = { peer: 'b', host: 'B'.repeat(43), label: '', leads: false, self: false }
const job: RoomJobView = {
  id: 'j',
  title: 'Queens',
  state: 'running',
  unitCount: 144,
  settled: 12,
  verified: 10,
  leastResults: 2,
  reduced: { kind: 'sum', sum: '5' },
  view: undefined
}
const room: RoomPicture = { ...EMPTY_ROOM, relay: 'forwarded', members: [me, other] }

describe('the words of a room', () => {
  it.each<[string, RoomPicture, string, string]>([
    ['before the relay answered', EMPTY_ROOM, 'Entering the room.', 'tries again by itself'],
    ['when the relay is full', { ...room, relay: 'refused' }, 'carries no more rooms', 'another relay'],
    ['before anybody leads', { ...room, members: [{ ...me, leads: false }] }, 'Only this computer is in the room.', 'takes the lead'],
    ['alone with a job', { ...room, members: [me], jobs: [job] }, '12 of 144 tiles verified', 'needs a second computer'],
    ['with others and nothing lent', room, '2\u00a0computers in the room.', 'until you lend this computer'],
    [
      'led by another',
      {
        ...room,
        members: [
          { ...me, leads: false },
          { ...other, leads: true }
        ],
        lending: 'yes'
      },
      '2',
      'Computer BBBB…BBBB hands out the work.'
    ]
  ])('say what is so %s', (_, picture, sentence, note) => {
    expect(roomSentence(picture)).toContain(sentence)
    expect(roomNote(picture)).toContain(note)
  })

  it('never call a tile verified that this browser has not checked', () => {
    expect(roomJobCounts(job).units).toEqual({ validated: 10, validating: 2, inProgress: 0, errored: 0, waiting: 132 })
  })
})
