/** A QR code as one SVG path in units of a module, with the quiet zone of four modules that readers need. */
import { encode } from 'uqr'

export interface QrPath {
  /** Modules along an edge, quiet zone included. */
  readonly size: number
  readonly path: string
}

export function qrPath(text: string): QrPath {
  const { data, size } = encode(text, { border: 4, ecc: 'M' })
  const runs = data.flatMap((row, y) => {
    const parts: string[] = []
    for (let x = 0; x < row.length; x++) {
      if (row[x] !== true) continue
      const from = x
      while (row[x + 1] === true) x++
      parts.push(`M${from} ${y}h${x - from + 1}v1h${from - x - 1}z`)
    }
    return parts
  })
  return { size, path: runs.join('') }
}
