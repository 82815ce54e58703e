// CPU twin of kernel.wgsl in AssemblyScript, in double precision. README.md has the equations; the ABI is in src/manifest.ts.
// Parameters by name: columns, cosineFrom, cosineTo, curvatureFrom, curvatureTo, rows, sineFrom, sineTo, trendFrom, trendTo.

import { alloc } from '../src/allocate.as'

export { alloc }

const BLOCK: i32 = 16
const MONTHS_MAX: i32 = 4096
const BAD_LENGTH: i32 = 1
const NO_MEMORY: i32 = 2

// One f64 a month for the detrended value, the cosine and the sine. Taken at the first unit: static data would raise the memory's minimum.
let scratch: usize = 0

function centre(start: f64, end: f64, cell: f64, count: f64): f64 {
  return start + (end - start) * ((cell + 0.5) / count)
}

export function compute(unit: f64, params: i32, inputs: i32, outputs: i32): i32 {
  const p = <usize>params
  const record = <usize>load<u32>(<usize>inputs)
  const recordBytes = load<u32>(<usize>inputs, 4)
  const misfit = <usize>load<u32>(<usize>outputs)
  if (load<u32>(<usize>outputs, 4) != <u32>(BLOCK * BLOCK * 4)) return BAD_LENGTH

  const columns = load<f64>(p, 0)
  const row = Math.floor(unit / columns)
  const trend = centre(load<f64>(p, 64), load<f64>(p, 72), unit - row * columns, columns)
  const curvature = centre(load<f64>(p, 24), load<f64>(p, 32), row, load<f64>(p, 40))

  const months = min(<i32>(recordBytes / 20), MONTHS_MAX)
  if (scratch === 0) scratch = <usize>alloc(MONTHS_MAX * 3 * 8)
  if (scratch === 0) return NO_MEMORY
  const detrended = scratch
  const cosines = scratch + <usize>MONTHS_MAX * 8
  const sines = scratch + <usize>MONTHS_MAX * 16
  for (let m = 0; m < months; m++) {
    const year = <f64>load<f32>(record + (<usize>m << 2))
    const square = <f64>load<f32>(record + (<usize>(months + m) << 2))
    const co2 = <f64>load<f32>(record + (<usize>(4 * months + m) << 2))
    store<f64>(detrended + (<usize>m << 3), co2 - trend * year - curvature * square)
    store<f64>(cosines + (<usize>m << 3), <f64>load<f32>(record + (<usize>(2 * months + m) << 2)))
    store<f64>(sines + (<usize>m << 3), <f64>load<f32>(record + (<usize>(3 * months + m) << 2)))
  }

  for (let y = 0; y < BLOCK; y++) {
    const sine = centre(load<f64>(p, 48), load<f64>(p, 56), <f64>y, <f64>BLOCK)
    for (let x = 0; x < BLOCK; x++) {
      const cosine = centre(load<f64>(p, 8), load<f64>(p, 16), <f64>x, <f64>BLOCK)
      let total: f64 = 0
      for (let m = 0; m < months; m++) {
        const at = <usize>m << 3
        const residual = load<f64>(detrended + at) - cosine * load<f64>(cosines + at) - sine * load<f64>(sines + at)
        total += residual * residual
      }
      store<f32>(misfit + (<usize>(y * BLOCK + x) << 2), <f32>total)
    }
  }
  return 0
}
