/** What a benchmark gives: rows of measured values. Its process ends with 0 exactly when the run was valid, whatever the values are. */

export interface Row {
  readonly id: string
  readonly value: number
  readonly unit: string
  /** The single measurements behind `value`, in order. */
  readonly samples: readonly number[]
  /** What the project asks for, as a comparison, e.g. `<= 5`. Null: for information. */
  readonly target: string | null
}

/** What a part is given while it runs. */
export interface Run {
  /** One line whenever something is known. */
  readonly report: (line: string) => void
  /** Something started that must be stopped: runs when the part is over, however it ends, latest first. */
  readonly after: (task: () => unknown) => void
}

/** Rows that are measured together. */
export interface Part {
  readonly ids: readonly string[]
  /** Longer, and the run is not valid. */
  readonly limitSeconds: number
  /** `conditions`: what a reader must know about these values. Throws when the run is not valid. */
  measure(run: Run): Promise<{ readonly rows: readonly Row[]; readonly conditions: readonly string[] }>
}

export interface Bench {
  readonly name: string
  readonly summary: string
  readonly parts: readonly Part[]
}

/** Middle value; the mean of the two middle ones for an even count. Throws RangeError without samples. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]
  if (upper === undefined || lower === undefined) throw new RangeError('Cannot take the median of no samples')
  return (lower + upper) / 2
}

const toThreePlaces = (value: number): number => Math.round(value * 1_000) / 1_000

/** Row whose value is the median of its samples, rounded to three places. */
export function medianRow(id: string, unit: string, samples: readonly number[], target: string | null): Row {
  return { id, value: toThreePlaces(median(samples)), unit, samples: samples.map(toThreePlaces), target }
}

/** Row of one measurement, rounded to three places. */
export function singleRow(id: string, unit: string, value: number, target: string | null): Row {
  return medianRow(id, unit, [value], target)
}

/** True when the value meets the target, null when there is none. */
export function holds(row: Row): boolean | null {
  if (row.target === null) return null
  const match = /^(<=|>=) (\d+(?:\.\d+)?)$/.exec(row.target)
  if (match === null) throw new RangeError(`Cannot read the target "${row.target}" of ${row.id}`)
  return match[1] === '<=' ? row.value <= Number(match[2]) : row.value >= Number(match[2])
}
