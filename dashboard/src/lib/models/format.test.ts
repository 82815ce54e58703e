import { describe, expect, it } from 'vitest'
import { brief, bytes, count, credits, duration, longCount, operations, percent, plural } from './format.ts'

describe('figures', () => {
  it('group thousands with a narrow no-break space', () => {
    expect(count(1_234_567)).toBe('1\u202f234\u202f567')
    expect(longCount('365596')).toBe('365\u202f596')
    expect(longCount('724')).toBe('724')
  })

  it('never round an unfinished share up to 100 % or a started one down to 0 %', () => {
    expect(percent(99_999, 100_000)).toBe('99.9\u00a0%')
    expect(percent(1, 100_000)).toBe('0.1\u00a0%')
    expect(percent(0, 100_000)).toBe('0\u00a0%')
    expect(percent(100_000, 100_000)).toBe('100\u00a0%')
    expect(percent(0, 0)).toBe('0\u00a0%')
  })

  it('carry their unit', () => {
    expect(bytes(0)).toBe('0\u00a0B')
    expect(bytes(1536)).toBe('1.5\u00a0KiB')
    expect(bytes(268_435_456)).toBe('256\u00a0MiB')
    expect(operations(4.24e14)).toBe('424\u00a0T')
    expect(operations(12)).toBe('12')
  })

  it('tell credit in plain digits, however little', () => {
    expect(credits(95)).toBe('0.000095')
    expect(credits(1)).toBe('0.000001')
    expect(credits(12_345_678_000)).toBe('12\u202f350')
  })

  it('say one tile and two tiles', () => {
    expect(plural(1, 'tile', 'tiles')).toBe('1\u00a0tile')
    expect(plural(2, 'tile', 'tiles')).toBe('2\u00a0tiles')
  })
})

describe('spans of time', () => {
  it('show the two largest parts and no empty one', () => {
    expect(duration(680_000)).toBe('11\u00a0min 20\u00a0s')
    expect(duration(60_000)).toBe('1\u00a0min')
    expect(duration(90_000_000)).toBe('1\u00a0d 1\u00a0h')
    expect(duration(400)).toBe('0.4\u00a0s')
    expect(duration(-5)).toBe('0.0\u00a0s')
  })
})

describe('ids', () => {
  it('keep both ends', () => {
    expect(brief('9b41aaaaaaaaaaaae07c')).toBe('9b41…e07c')
    expect(brief('short')).toBe('short')
  })
})
