/** The picture of a job as pixels: values in, RGBA out. Cells without a value stay transparent; the paper shows through. */
import type { JobSpec } from '@peercompute/job-specs'
import { cellOf, type Layout } from './layout.ts'
import { PROVISIONAL, print } from './ramp.ts'
import { extentOf, imageScale, surfaceScale, type Extent } from './scale.ts'

/** What is known of the units: one array a unit (a tile, or a single number), and whether a second computer confirmed it. */
export interface Values {
  readonly verified: ReadonlyMap<number, Float64Array>
  readonly provisional: ReadonlyMap<number, Float64Array>
}

function* known(values: Values): Generator<Float64Array> {
  yield* values.verified.values()
  yield* values.provisional.values()
}

export function valueExtent(values: Values): Extent | null {
  return extentOf(known(values))
}

export function densityOf(layout: Layout, view: JobSpec['view'], extent: Extent): (value: number) => number {
  if (layout.kind === 'surface') return surfaceScale(extent)
  if (view?.kind === 'image') return imageScale(view.scale, extent)
  // A board starts at zero: an empty branch is unexposed, and half of the largest count is half as dense.
  return imageScale('linear', { from: Math.min(0, extent.from), to: extent.to })
}

/**
 * Fills `pixels` (RGBA, `columns·cellWidth` wide), which the caller has cleared.
 * Provisional values print under-exposed: the same value at 0.4 of the ramp.
 */
export function renderPicture(pixels: Uint8ClampedArray, layout: Layout, view: JobSpec['view'], values: Values, table: Uint8Array): void {
  const extent = valueExtent(values)
  if (extent === null) return
  const density = densityOf(layout, view, extent)
  for (const [unit, value] of values.provisional)
    if (!values.verified.has(unit)) renderUnit(pixels, layout, unit, value, table, density, PROVISIONAL)
  for (const [unit, value] of values.verified) renderUnit(pixels, layout, unit, value, table, density, 1)
}

function renderUnit(
  pixels: Uint8ClampedArray,
  layout: Layout,
  unit: number,
  value: Float64Array,
  table: Uint8Array,
  density: (value: number) => number,
  exposure: number
): void {
  const { column, row } = cellOf(layout, unit)
  const stride = layout.columns * layout.cellWidth
  const origin = row * layout.cellHeight * stride + column * layout.cellWidth
  for (let y = 0; y < layout.cellHeight; y++) {
    for (let x = 0; x < layout.cellWidth; x++) {
      const sample = value[y * layout.cellWidth + x]
      if (sample !== undefined) print(pixels, origin + y * stride + x, table, density(sample) * exposure)
    }
  }
}

/** Every `stride`-th element of a tile of `width` columns, so that it fits the layout. */
export function thin(tile: Float64Array, width: number, stride: number): Float64Array {
  if (stride === 1) return tile
  const out: number[] = []
  const height = tile.length / width
  for (let y = 0; y < height; y += stride) {
    for (let x = 0; x < width; x += stride) out.push(tile[y * width + x] ?? Number.NaN)
  }
  return Float64Array.from(out)
}
