import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { ALWAYS, lendsAt, minuteOfWeek, NEVER, readSchedule, scheduleSchema, withSpan, writeSchedule } from './schedule.ts'

const zone = process.env['TZ']
afterEach(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})
const read = (text: string) => {
  const reading = readSchedule(text)
  if (!reading.ok) throw new Error(reading.problem)
  return reading.schedule
}
const DAY = 24 * 60

describe('a schedule', () => {
  it('has evenings over midnight and whole days', () => {
    const schedule = read('mon-fri 19:00-07:00, sat-sun')
    const lends = (day: number, hour: number) => lendsAt(schedule, day * DAY + hour * 60)
    expect([lends(0, 6), lends(0, 18), lends(0, 19), lends(1, 6), lends(1, 7)]).toEqual([false, false, true, true, false])
    expect([lends(4, 23), lends(5, 0), lends(5, 12), lends(6, 23)]).toEqual([true, true, true, true])
    expect(writeSchedule(schedule)).toBe('mon-thu 19:00-7:00, fri 19:00-24:00, sat-sun')
  })

  it('takes short and long names of days, half hours, and spans over the end of the week', () => {
    expect(read('Monday 9-17:30')).toBe(withSpan(NEVER, 0, 18, 35, true))
    const overEnd = read('sun 22:00-02:00')
    expect(lendsAt(overEnd, 6 * DAY + 23 * 60)).toBe(true)
    expect(lendsAt(overEnd, 60)).toBe(true)
    expect(read('sat-mon')).toBe(read('sat, sun, mon'))
    expect(read('mon-sun')).toBe(ALWAYS)
  })

  it.each([
    ['', /is no part of a week/],
    ['mon 9', /is no part of a week/],
    ['evenings', /"evenings" is no day/],
    ['mon-xyz', /"xyz" is no day/],
    ['mon 19:15-20:00', /"19:15" is no time. Times are whole or half hours/],
    ['mon 19:00-25:00', /"25:00" is no time/],
    ['mon 9:00-9:00', /begins where it ends/]
  ])('says what is wrong with "%s"', (text, problem) => {
    const reading = readSchedule(text)
    expect(reading.ok ? '' : reading.problem).toMatch(problem)
  })

  it('that is written reads back as the same', () => {
    const cells = fc.array(fc.constantFrom('0', '1'), { minLength: 336, maxLength: 336 })
    fc.assert(
      fc.property(cells, (some) => {
        const schedule = scheduleSchema.parse(some.join(''))
        if (schedule !== NEVER) expect(read(writeSchedule(schedule))).toBe(schedule)
      })
    )
  })

  it('follows the clock on the wall through both changes of daylight saving', () => {
    process.env['TZ'] = 'Europe/Berlin'
    const wall = (iso: string) => {
      const minute = minuteOfWeek(Date.parse(iso))
      return `${Math.floor(minute / DAY)} ${Math.floor((minute % DAY) / 60)}:${String(minute % 60).padStart(2, '0')}`
    }
    // Sunday 28 March 2027: 2:00 becomes 3:00.
    expect(wall('2027-03-28T00:59:00Z')).toBe('6 1:59')
    expect(wall('2027-03-28T01:00:00Z')).toBe('6 3:00')
    // Sunday 31 October 2027: 3:00 becomes 2:00, and 2:30 comes twice.
    expect(wall('2027-10-31T00:30:00Z')).toBe('6 2:30')
    expect(wall('2027-10-31T01:30:00Z')).toBe('6 2:30')
    const night = read('sun 2:00-3:00')
    const halfHours = Array.from({ length: 48 }, (_, index) => Date.parse('2027-10-30T22:00:00Z') + index * 1_800_000)
    expect(halfHours.filter((now) => lendsAt(night, minuteOfWeek(now)))).toHaveLength(4)
    const spring = halfHours.map((now) => now - 217 * 86_400_000 + 3_600_000)
    expect(spring.filter((now) => lendsAt(night, minuteOfWeek(now)))).toHaveLength(0)
  })
})
