import { PeerComputeError } from '@peercompute/job-specs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRoomLink, parseRoomLink, ROOM_LINK_MAX } from './link.ts'

const RELAY = '/ip4/127.0.0.1/tcp/8400/ws/p2p/12D3KooWGRUf8pXL4UJbS8hCPG8b8VEhXnVJoPDHBhXKkP5tgqDM'
const SECRET = 'A'.repeat(43)

function refusal(text: string): string {
  try {
    parseRoomLink(text)
  } catch (error) {
    if (error instanceof PeerComputeError && error.code === 'ROOM_LINK_INVALID') return error.detail
    throw error
  }
  return 'taken'
}

describe('a room link', () => {
  it('keeps everything behind the #', () => {
    const link = createRoomLink({ page: 'https://lab.example/rooms', name: 'Our lab', via: [RELAY] })
    expect(new URL(link).pathname).toBe('/rooms')
    expect(new URL(link).search).toBe('')
    expect(link).toContain(`via=${RELAY}`)
  })

  it('comes back as it was made', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.string({ unit: 'grapheme', maxLength: 20 }).filter((name) => name.length <= 64 && !/[\p{Cc}\p{Cf}]/u.test(name)),
        fc.integer({ min: 1, max: 4 }),
        (bytes, name, relays) => {
          const secret = new Uint8Array(bytes)
          const via = Array.from({ length: relays }, () => RELAY)
          const page = 'http://localhost:1/rooms'
          expect(parseRoomLink(createRoomLink({ page, name, via, secret }))).toEqual({ page, secret, name, via })
        }
      )
    )
  })

  it('has another secret for each new room', () => {
    expect(createRoomLink({ via: [RELAY] })).not.toBe(createRoomLink({ via: [RELAY] }))
  })

  it.each([
    ['https://lab.example/rooms', 'no "#/room/"'],
    [`#/room/short?via=${RELAY}`, 'secret must be 43'],
    // the last character carries two bits too many: two texts would mean one secret
    [`#/room/${'A'.repeat(42)}B?via=${RELAY}`, 'secret must be 43'],
    [`#/room/${SECRET}`, 'via must name a relay'],
    [`#/room/${SECRET}?via=nowhere`, 'via.0 must be a relay address'],
    [`#/room/${SECRET}?via=${RELAY}/p2p-circuit`, 'via.0 must be a relay address'],
    [`javascript:alert(1)#/room/${SECRET}?via=${RELAY}`, 'page must begin'],
    [`#/room/${SECRET}?name=${'n'.repeat(65)}&via=${RELAY}`, 'name'],
    [`#/room/${SECRET}?name=%07&via=${RELAY}`, 'name must not hold'],
    [`#/room/${SECRET}?${Array(9).fill(`via=${RELAY}`).join('&')}`, 'via'],
    [`#/room/${SECRET}?via=${RELAY}&${'x'.repeat(ROOM_LINK_MAX)}`, 'characters']
  ])('is refused: %s', (text, detail) => {
    expect(refusal(text)).toContain(detail)
  })

  it('does not repeat the secret in its errors', () => {
    expect(refusal(`#/room/${SECRET}?via=nowhere`)).not.toContain(SECRET)
  })
})
