import { describe, expect, it } from 'vitest'
import { BAN_MS, BanList } from './ban-list.ts'
import { createFakeClock } from './testing/fake-clock.ts'

describe('BanList', () => {
  it('holds a ban for ten minutes', () => {
    const clock = createFakeClock()
    const bans = new BanList(clock)
    bans.add('liar')
    clock.advance(BAN_MS - 1)
    expect(bans.has('liar')).toBe(true)
    clock.advance(1)
    expect(bans.has('liar')).toBe(false)
    expect(bans.has('honest')).toBe(false)
  })

  it('forgets the oldest when somebody makes up thousands', () => {
    const bans = new BanList(createFakeClock())
    for (let i = 0; i < 2_000; i++) bans.add(`peer ${i}`)
    expect(bans.has('peer 0')).toBe(false)
    expect(bans.has('peer 1999')).toBe(true)
  })
})
