import type { KernelManifest } from '../src/manifest.ts'
import { keelingComparator, RECORD_BOUNDS } from './error-bound.ts'
import { BLOCK, type KeelingParam } from './grid.ts'
import { REFERENCE_YEAR } from './record.ts'

const amplitude = (name: string, edge: 'from' | 'to', value: number) => ({
  description: `${edge === 'from' ? 'Lower' : 'Upper'} end of the ${name} amplitude of the annual cycle`,
  unit: 'ppm',
  default: value,
  min: -100,
  max: 100,
  integer: false
})

export const keelingFit: KernelManifest<KeelingParam> = {
  name: 'keeling-fit',
  title: 'How fast does carbon dioxide rise on Mauna Loa?',
  summary:
    'Fits the monthly CO₂ record of Mauna Loa (Keeling, 1958–2020) with a trend, its acceleration and the yearly breathing of the forests. ' +
    'Each tile tries 256 models against every month; together they draw the map of how well each pair of trend and acceleration fits.',
  params: {
    trendFrom: {
      description: `Lower end of the growth rate in ${REFERENCE_YEAR}`,
      unit: 'ppm/yr',
      default: 1.4,
      min: -100,
      max: 100,
      integer: false
    },
    trendTo: {
      description: `Upper end of the growth rate in ${REFERENCE_YEAR}`,
      unit: 'ppm/yr',
      default: 1.8,
      min: -100,
      max: 100,
      integer: false
    },
    curvatureFrom: {
      description: 'Lower end of the quadratic coefficient',
      unit: 'ppm/yr²',
      default: 0.006,
      min: -10,
      max: 10,
      integer: false
    },
    curvatureTo: {
      description: 'Upper end of the quadratic coefficient',
      unit: 'ppm/yr²',
      default: 0.02,
      min: -10,
      max: 10,
      integer: false
    },
    cosineFrom: amplitude('cosine', 'from', -4),
    cosineTo: amplitude('cosine', 'to', 4),
    sineFrom: amplitude('sine', 'from', -4),
    sineTo: amplitude('sine', 'to', 4),
    columns: { description: 'Growth rates to try, one a column of units', unit: '1', default: 64, min: 3, max: 4096, integer: true },
    rows: { description: 'Quadratic coefficients to try, one a row of units', unit: '1', default: 64, min: 3, max: 4096, integer: true }
  },
  check: (params) => {
    const empty = (['trend', 'curvature', 'cosine', 'sine'] as const).find((axis) => params[`${axis}From`] >= params[`${axis}To`])
    return empty === undefined ? null : `The range of ${empty} is empty: ${empty}From must be below ${empty}To.`
  },
  inputs: [
    {
      name: 'record',
      type: 'f32',
      description: 'The record as five centred columns of months values: yr, yr², cosine, sine, ppm (see record.ts)'
    }
  ],
  determinism: 'rounding',
  reduce: { kind: 'argmin', output: 'misfit' },
  unitCount: (params) => params.columns * params.rows,
  outputs: () => [{ name: 'misfit', type: 'f32', shape: [BLOCK, BLOCK] }],
  passes: () => [{ entry: 'fit', grid: [BLOCK, BLOCK, 1], repeat: 1 }],
  comparator: keelingComparator,
  view: (params) => ({
    kind: 'surface',
    output: 'misfit',
    columns: params.columns,
    x: { label: `Growth rate in ${REFERENCE_YEAR}, ppm/yr`, from: params.trendFrom, to: params.trendTo },
    y: { label: 'Quadratic coefficient, ppm/yr²', from: params.curvatureFrom, to: params.curvatureTo }
  }),
  limits: () => ({ unitSeconds: 10, outputBytes: 4 * BLOCK * BLOCK, memoryBytes: 16_777_216 }),
  // Ten operations for each model and month: four products, four differences, a square and a sum.
  unitOperations: () => BLOCK * BLOCK * RECORD_BOUNDS.months * 10
}
