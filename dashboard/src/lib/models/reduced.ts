/** The job's reduced value in words and numbers, with where in the parameter space it lies. */
import type { JobSummary, View } from '@peercompute/job-specs'
import { count, decimal, fixed, longCount } from './format.ts'

export interface Finding {
  readonly label: string
  readonly value: string
  readonly unit: string
  readonly note: string
}

type Surface = Extract<View, { kind: 'surface' }>
export interface Axis {
  readonly label: string
  readonly from: number
  readonly to: number
}

/** The part of an axis that cell `position` of `cells` covers. */
export function cellInterval(axis: Axis, position: number, cells: number): { readonly from: number; readonly to: number } {
  const step = (axis.to - axis.from) / cells
  return { from: axis.from + position * step, to: axis.from + (position + 1) * step }
}

/** Decimals that tell neighbouring cells apart. */
export function placesFor(step: number): number {
  return step === 0 ? 0 : Math.max(0, Math.min(9, 1 - Math.floor(Math.log10(Math.abs(step)))))
}

/** "trend, ppm per year" → name and unit. */
export function splitLabel(label: string): { readonly name: string; readonly unit: string } {
  const match = /^(.*?)(?:,\s*|\s+\()([^()]*?)\)?$/.exec(label)
  return match === null ? { name: label, unit: '' } : { name: match[1] ?? label, unit: match[2] ?? '' }
}

function axisFinding(axis: Axis, position: number, cells: number): Finding {
  const interval = cellInterval(axis, position, cells)
  const places = placesFor(interval.to - interval.from)
  const { name, unit } = splitLabel(axis.label)
  return {
    label: name.charAt(0).toUpperCase() + name.slice(1),
    value: fixed((interval.from + interval.to) / 2, places),
    unit,
    note: `the best cell runs from ${fixed(interval.from, places)} to ${fixed(interval.to, places)}`
  }
}

function surfaceFindings(view: Surface, unitCount: number, unit: number): Finding[] {
  const columns = Math.min(view.columns, unitCount)
  return [axisFinding(view.x, unit % columns, columns), axisFinding(view.y, Math.floor(unit / columns), Math.ceil(unitCount / columns))]
}

/** Empty before the first validated unit, and for jobs that reduce to nothing. */
export function findings(job: Pick<JobSummary, 'reduced' | 'unitCount' | 'units' | 'state'>, view: View | undefined): Finding[] {
  const share =
    job.units.validated === job.unitCount ? 'over all units' : `over ${count(job.units.validated)} of ${count(job.unitCount)} units so far`
  const { reduced } = job
  if (job.units.validated === 0) return []
  if (reduced.kind === 'sum') {
    return [{ label: view?.kind === 'number' ? view.label : 'Sum', value: longCount(reduced.sum), unit: '', note: `exact, ${share}` }]
  }
  if (reduced.kind === 'argmin' && reduced.value !== null && reduced.unit !== null) {
    const smallest: Finding = {
      label: view?.kind === 'surface' ? 'Smallest misfit' : 'Minimum',
      value: decimal(reduced.value, 6),
      unit: '',
      note: `unit ${count(reduced.unit)}${reduced.index === null ? '' : `, element ${count(reduced.index)}`}, ${share}`
    }
    return view?.kind === 'surface' ? [...surfaceFindings(view, job.unitCount, reduced.unit), smallest] : [smallest]
  }
  return []
}
