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

export interface Bench {
  readonly name: string
  readonly summary: string
  /** `report` is called with one line whenever something is known. Throws when the run is not valid. */
  run(report: (line: string) => void): Promise<{ conditions: string; rows: readonly Row[] }>
}

/** Middle value; the mean of the two middle ones for an even count. Throws RangeError without samples. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]
  if (upper === undefined || lower === undefined) throw new RangeError('Cannot take the median of no samples')
  return (lower + upper) / 2
}

/** Row whose value is the median of its samples, rounded to three places. */
export function medianRow(id: string, unit: string, samples: readonly number[], target: string | null): Row {
  const rounded = samples.map((sample) => Math.round(sample * 1_000) / 1_000)
  return { id, value: Math.round(median(samples) * 1_000) / 1_000, unit, samples: rounded, target }
}

/** True when the value meets the target, null when there is none. */
export function holds(row: Row): boolean | null {
  if (row.target === null) return null
  const match = /^(<=|>=) (\d+(?:\.\d+)?)$/.exec(row.target)
  if (match === null) throw new RangeError(`Cannot read the target "${row.target}" of ${row.id}`)
  return match[1] === '<=' ? row.value <= Number(match[2]) : row.value >= Number(match[2])
}
