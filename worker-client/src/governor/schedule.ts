/**
 * A week of half hours by the clock on the wall, Monday first: '1' lends, '0' rests, 336 characters. Wall-clock time follows daylight
 * saving by itself: the hour that is left out never comes, the hour that comes twice counts both times.
 */
import { z } from 'zod'

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export const HALF_HOURS_A_DAY = 48
const HALF_HOURS = DAYS.length * HALF_HOURS_A_DAY

export const scheduleSchema = z
  .string()
  .length(HALF_HOURS)
  .regex(/^[01]*$/)
  .brand('Schedule')
export type Schedule = z.infer<typeof scheduleSchema>

export const ALWAYS = scheduleSchema.parse('1'.repeat(HALF_HOURS))
export const NEVER = scheduleSchema.parse('0'.repeat(HALF_HOURS))

/** Minutes since Monday 00:00 on the clock on the wall, 0 to 10 079. */
export function minuteOfWeek(now: number): number {
  const at = new Date(now)
  return ((at.getDay() + 6) % 7) * 24 * 60 + at.getHours() * 60 + at.getMinutes()
}

export function lendsAt(schedule: Schedule, minute: number): boolean {
  return schedule[Math.floor(minute / 30)] === '1'
}

/** `day`: 0 is Monday. `from` and `to` in half hours since midnight; with `to` not after `from`, the span runs over midnight. */
export function withSpan(schedule: Schedule, day: number, from: number, to: number, lends: boolean): Schedule {
  const cells = Array.from(schedule)
  const first = day * HALF_HOURS_A_DAY + from
  const length = to > from ? to - from : to + HALF_HOURS_A_DAY - from
  for (let cell = first; cell < first + length; cell++) cells[cell % HALF_HOURS] = lends ? '1' : '0'
  return scheduleSchema.parse(cells.join(''))
}

export type ScheduleReading = { readonly ok: true; readonly schedule: Schedule } | { readonly ok: false; readonly problem: string }

/** Reads "mon-fri 19:00-07:00, sat-sun". A part without hours is the whole day; hours that end before they begin run over midnight. */
export function readSchedule(text: string): ScheduleReading {
  let schedule = NEVER
  for (const part of text.toLowerCase().split(',')) {
    const fields = /^\s*([a-z]+)(?:\s*-\s*([a-z]+))?(?:\s+(\d{1,2}(?::\d{2})?)\s*-\s*(\d{1,2}(?::\d{2})?))?\s*$/.exec(part)
    if (fields === null)
      return no(
        `"${part.trim()}" is no part of a week. Write days and hours, e.g. "mon-fri 19:00-07:00" or "sat-sun", with commas between.`
      )
    const [, firstName = '', lastName = firstName, fromText, toText] = fields
    const [first, last] = [dayNamed(firstName), dayNamed(lastName)]
    if (first === null || last === null) return no(`"${first === null ? firstName : lastName}" is no day. The days are ${DAYS.join(', ')}.`)
    const [from, to] = [fromText === undefined ? 0 : halfHours(fromText), toText === undefined ? HALF_HOURS_A_DAY : halfHours(toText)]
    if (from === null || to === null)
      return no(`"${(from === null ? fromText : toText) ?? ''}" is no time. Times are whole or half hours from 0:00 to 24:00, e.g. 19:30.`)
    if (from === HALF_HOURS_A_DAY || from === to) return no(`"${part.trim()}" names no hours: it begins where it ends.`)
    for (let day = first; ; day = (day + 1) % DAYS.length) {
      schedule = withSpan(schedule, day, from, to, true)
      if (day === last) break
    }
  }
  return { ok: true, schedule }
}

/** "mon-thu 19:00-7:00, fri 19:00-24:00, sat-sun": the same days together, in the order of their first day. `readSchedule` reads it back. */
export function writeSchedule(schedule: Schedule): string {
  const hours = joinedOverMidnight(
    DAYS.map((_, day) =>
      [...schedule.slice(day * HALF_HOURS_A_DAY, (day + 1) * HALF_HOURS_A_DAY).matchAll(/1+/g)].map(({ 0: run, index }) => ({
        from: index,
        to: index + run.length
      }))
    )
  ).map((spans) => spans.map(writeSpan))
  const parts: string[] = []
  for (let day = 0; day < DAYS.length; day++) {
    let last = day
    while (hours[last + 1]?.join() === hours[day]?.join()) last++
    const days = last === day ? (DAYS[day] ?? '') : `${DAYS[day] ?? ''}-${DAYS[last] ?? ''}`
    parts.push(...(hours[day] ?? []).map((span) => `${days}${span}`))
    day = last
  }
  return parts.join(', ')
}

/** In half hours since midnight. */
interface Span {
  readonly from: number
  readonly to: number
}

/** What ends at midnight and goes on in the morning is one span, where reading it back gives the same. */
function joinedOverMidnight(days: readonly (readonly Span[])[]): readonly (readonly Span[])[] {
  const goesOn = days.map((spans, day) => {
    const [evening, morning] = [spans.at(-1), days[(day + 1) % DAYS.length]?.[0]]
    return evening?.to === HALF_HOURS_A_DAY && morning?.from === 0 && morning.to < evening.from ? morning.to : null
  })
  return days.map((spans, day) => {
    const to = goesOn[day] ?? null
    const own = (goesOn.at(day - 1) ?? null) === null ? spans : spans.slice(1)
    return own.map((span, index) => (to !== null && index === own.length - 1 ? { from: span.from, to } : span))
  })
}

const writeSpan = ({ from, to }: Span): string => (from === 0 && to === HALF_HOURS_A_DAY ? '' : ` ${timeOf(from)}-${timeOf(to)}`)

const timeOf = (halfHour: number): string => `${Math.floor(halfHour / 2)}:${halfHour % 2 === 0 ? '00' : '30'}`

function dayNamed(name: string): number | null {
  const day = DAYS.findIndex((short) => name.startsWith(short))
  return day === -1 ? null : day
}

function halfHours(time: string): number | null {
  const [hours = NaN, minutes = 0] = time.split(':').map(Number)
  const halves = hours * 2 + minutes / 30
  return Number.isInteger(halves) && minutes < 60 && halves <= HALF_HOURS_A_DAY ? halves : null
}

const no = (problem: string): ScheduleReading => ({ ok: false, problem })
