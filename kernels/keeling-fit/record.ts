/** From the published table to the kernel's input. Pure, so anyone can make the same bytes from the same table. */

export interface Month {
  /** Decimal year, e.g. 1958.2083 for mid-March 1958. */
  readonly time: number
  /** Mole fraction of CO₂ in dry air, parts per million. */
  readonly co2: number
}

/** Years are counted from here: the trend is the growth rate of this date. */
export const REFERENCE_YEAR = 1990

/** The regressors of the model without its constant: τ, τ², cos 2πt, sin 2πt. */
export function regressors(time: number): readonly [number, number, number, number] {
  const years = time - REFERENCE_YEAR
  // Whole years are taken off first: the argument of cos stays small and exact.
  const phase = 2 * Math.PI * (time - Math.floor(time))
  return [years, years * years, Math.cos(phase), Math.sin(phase)]
}

/** Rows `YYYY-MM-DD,CO2,adjusted CO2` under a header. The measurements stand for the middle of their month. Throws on any other line. */
export function parseMonths(csv: string): Month[] {
  const [header, ...rows] = csv.trim().split(/\r?\n/)
  if (header !== 'Date,CO2,adjusted CO2') throw new SyntaxError(`Cannot read the CO2 table: its header is "${header ?? ''}"`)
  return rows.map((row) => {
    const [, year, month, co2] = /^(\d{4})-(\d{2})-\d{2},(\d+(?:\.\d+)?),\d+(?:\.\d+)?$/.exec(row) ?? []
    if (year === undefined || month === undefined || co2 === undefined) throw new SyntaxError(`Cannot read the CO2 table: "${row}"`)
    return { time: Number(year) + (Number(month) - 0.5) / 12, co2: Number(co2) }
  })
}

/**
 * The input `record`: five columns of f32, one after the other, each less its mean: τ (yr), τ² (yr²), cos 2πt, sin 2πt, CO₂ (ppm).
 * With centred columns the constant of the model drops out of the residuals, whatever the other parameters (README.md).
 */
export function recordColumns(months: readonly Month[]): Float32Array<ArrayBuffer> {
  const columns: number[][] = [[], [], [], [], []]
  for (const { time, co2 } of months) [...regressors(time), co2].forEach((value, column) => columns[column]?.push(value))
  return Float32Array.from(columns.flatMap(centred))
}

/** Little-endian bytes of `recordColumns`, the blob of the input. */
export function recordBytes(months: readonly Month[]): Uint8Array<ArrayBuffer> {
  const columns = recordColumns(months)
  const bytes = new Uint8Array(columns.byteLength)
  const view = new DataView(bytes.buffer)
  columns.forEach((value, index) => {
    view.setFloat32(index * 4, value, true)
  })
  return bytes
}

function centred(column: readonly number[]): number[] {
  const mean = column.reduce((sum, value) => sum + value, 0) / column.length
  return column.map((value) => value - mean)
}
