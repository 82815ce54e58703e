/** Numbers, times and ids as people read them. Figures group with a narrow no-break space in every language. */

const NARROW_SPACE = '\u202f'
const MINUS = '\u2212'
const NO_BREAK_SPACE = '\u00a0'

function grouped(format: Intl.NumberFormat, value: number): string {
  return format
    .formatToParts(value)
    .map((part) => (part.type === 'group' ? NARROW_SPACE : part.type === 'minusSign' ? MINUS : part.value))
    .join('')
}

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0, useGrouping: true })

export function count(value: number): string {
  return grouped(whole, value)
}

/** `value` with `digits` significant digits; powers of ten outside 1e-4 … 1e9. */
export function decimal(value: number, digits = 4): string {
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(Math.max(0, digits - 1))
  return grouped(new Intl.NumberFormat(undefined, { maximumSignificantDigits: digits, useGrouping: true }), value)
}

/** Credit in plain digits, however little: a millionth is the smallest amount. */
export function credits(microCredits: number): string {
  return grouped(new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4, useGrouping: true }), microCredits / 1e6)
}

/** `value` with exactly `places` decimals, so that columns and ranges line up. */
export function fixed(value: number, places: number): string {
  return grouped(new Intl.NumberFormat(undefined, { minimumFractionDigits: places, maximumFractionDigits: places }), value)
}

/** Whole number of any length, given in decimal, e.g. `365596`. */
export function longCount(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE)
}

/** Share in per cent. It never says 100 before everything is there, nor 0 once something is. */
export function percent(part: number, all: number): string {
  if (all <= 0) return `0${NO_BREAK_SPACE}%`
  const raw = (part / all) * 100
  const shown = part === all || part === 0 ? raw : Math.min(99.9, Math.max(0.1, Math.round(raw * 10) / 10))
  return `${grouped(new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 }), shown)}${NO_BREAK_SPACE}%`
}

export function clock(timestampMs: number): string {
  return new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(timestampMs)
}

export function hour(timestampMs: number): string {
  return new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(timestampMs)
}

/** The time today, the date and time otherwise. */
export function moment(timestampMs: number, nowMs: number): string {
  const sameDay = new Date(timestampMs).toDateString() === new Date(nowMs).toDateString()
  if (sameDay) return clock(timestampMs)
  return new Intl.DateTimeFormat(undefined, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23'
  }).format(timestampMs)
}

/** The two largest parts of a span: `2 d 4 h`, `11 min 20 s`, `8 s`, `0.4 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 1) return `${fixed(seconds, 1)}${NO_BREAK_SPACE}s`
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [Math.floor(seconds) % 60, 's']
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${count(amount)}${NO_BREAK_SPACE}${unit}`)
    .join(' ')
}

export function bytes(size: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = size
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${decimal(value, value < 10 && unit > 0 ? 2 : 3)}${NO_BREAK_SPACE}${units[unit] ?? ''}`
}

/** Operations with an SI prefix: `424 T`. */
export function operations(amount: number): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P', 'E']
  let value = amount
  let prefix = 0
  while (value >= 1000 && prefix < prefixes.length - 1) {
    value /= 1000
    prefix += 1
  }
  return `${decimal(value, 3)}${NO_BREAK_SPACE}${prefixes[prefix] ?? ''}`.trimEnd()
}

/** First and last characters of a key or hash, enough to tell two apart. */
export function brief(id: string): string {
  return id.length <= 12 ? id : `${id.slice(0, 4)}…${id.slice(-4)}`
}

export function plural(amount: number, one: string, many: string): string {
  return `${count(amount)}${NO_BREAK_SPACE}${amount === 1 ? one : many}`
}
