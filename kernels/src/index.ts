/** The library of kernels: manifests, jobs made of them, and their known answers. Platform-free; files are read in `@peercompute/kernels/files`. */
export * from './manifest.ts'
export * from './params.ts'
export * from './registry.ts'
export * from './spec.ts'
export { LIBRARY } from './library.ts'
export * from './known-kernels.ts'
export {
  BLOCK as KEELING_BLOCK,
  cellOf,
  gridExtent,
  modelAt,
  placeOf,
  type Cell,
  type KeelingParam,
  type KeelingParams,
  type Model
} from '../keeling-fit/grid.ts'
export * from '../keeling-fit/record.ts'
export * from '../keeling-fit/refine.ts'
export * from '../keeling-fit/reference.ts'
export { keelingFit } from '../keeling-fit/manifest.ts'
export { mandelbrot, ONE as MANDELBROT_ONE, TILE as MANDELBROT_TILE } from '../mandelbrot/manifest.ts'
export { nQueens, QUEENS_SOLUTIONS } from '../n-queens/manifest.ts'
