/** Numbers and times as people read them. */

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `850 ms`, `4.2 s`, `3 min 20 s`, `5 h 12 min`, `2 d 3 h`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return 'unknown'
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < SECOND) return `${Math.round(ms)} ms`
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.round((ms % MINUTE) / SECOND)} s`
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.round((ms % HOUR) / MINUTE)} min`
  return `${Math.floor(ms / DAY)} d ${Math.round((ms % DAY) / HOUR)} h`
}

/** Digits in groups of three, by a thin space that no shell splits: `1 234 567`. */
export function count(value: number): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f')
}

export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %'
  // 99.96 % is not yet 100 %.
  const floored = Math.floor((part / whole) * 1_000) / 10
  return `${part === whole ? 100 : floored.toFixed(floored < 10 || floored > 99 ? 1 : 0)} %`
}

export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3))
  return `${power === 0 ? size : (size / 1_000 ** power).toFixed(1)} ${units[power] ?? 'B'}`
}

/** Local time to the second, `2026-11-22 09:15:00`. */
export function moment(epochMs: number | null): string {
  return epochMs === null ? '–' : new Date(epochMs).toLocaleString('sv-SE')
}

/** For a job whose coordinator has lost a database. */
export function notHeldSentence(units: number): string {
  return `${count(units)} units were settled before the coordinator lost its database: they count, but their values are not held, neither here nor in the reduced value.`
}
