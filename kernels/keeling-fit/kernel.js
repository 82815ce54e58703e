// CPU twin of kernel.wgsl: the same models, in double precision. README.md has the equations.

const BLOCK = 16
const MONTHS_MAX = 4096

function centre(start, end, cell, count) {
  return start + (end - start) * ((cell + 0.5) / count)
}

export default function compute({ unit, params, inputs }) {
  const { record } = inputs
  const months = Math.min(Math.floor(record.length / 5), MONTHS_MAX)
  const trend = centre(params.trendFrom, params.trendTo, unit % params.columns, params.columns)
  const curvature = centre(params.curvatureFrom, params.curvatureTo, Math.floor(unit / params.columns), params.rows)

  // Widened once: reading a Float32Array converts at every access.
  const detrended = new Float64Array(months)
  const cosines = new Float64Array(months)
  const sines = new Float64Array(months)
  for (let m = 0; m < months; m++) {
    detrended[m] = record[4 * months + m] - trend * record[m] - curvature * record[months + m]
    cosines[m] = record[2 * months + m]
    sines[m] = record[3 * months + m]
  }

  const misfit = new Float32Array(BLOCK * BLOCK)
  for (let y = 0; y < BLOCK; y++) {
    const sine = centre(params.sineFrom, params.sineTo, y, BLOCK)
    for (let x = 0; x < BLOCK; x++) {
      const cosine = centre(params.cosineFrom, params.cosineTo, x, BLOCK)
      let total = 0
      for (let m = 0; m < months; m++) {
        const residual = detrended[m] - cosine * cosines[m] - sine * sines[m]
        total += residual * residual
      }
      misfit[y * BLOCK + x] = total
    }
  }
  return { misfit }
}
